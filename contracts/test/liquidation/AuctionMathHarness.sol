// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AuctionMath, AuctionTerms, Health} from "../../src/hub/liquidation/AuctionMath.sol";

/// @notice Every figure of AuctionMath for one account at once.
contract AuctionMathHarness {
    struct Input {
        Health health;
        int256 share;
        uint256 age;
        uint256 sinceEnd;
        bool stepped;
        int256 available;
        int256 deficit;
        int256 total;
        uint32 taken;
    }

    function figures(AuctionTerms calldata terms, Input calldata input) external pure returns (int256[18] memory all) {
        Health memory health = input.health;
        int256 discount = AuctionMath.discountAt(terms, input.age);
        all[0] = discount;
        all[1] = AuctionMath.target(terms, health.margin);
        all[2] = AuctionMath.isSolvent(health) ? int256(1) : int256(0);
        all[3] = int256(AuctionMath.resumedAge(terms, input.age, input.sinceEnd));
        all[4] = AuctionMath.bidPrice(health, input.share, discount);
        all[5] = AuctionMath.isSolvent(health) ? AuctionMath.maxFraction(terms, health, discount) : int256(0);
        all[6] = AuctionMath.shareLimit(terms, health, discount, input.stepped);
        all[7] = AuctionMath.inSteps(terms, health.margin, input.stepped) ? int256(1) : int256(0);
        all[8] = AuctionMath.feeRate(terms, health);
        all[9] = AuctionMath.startFee(terms, health, discount);
        int256 amount = AuctionMath.payout(terms, health, input.share, input.age);
        all[10] = amount;
        (all[11], all[12], all[13]) = AuctionMath.waterfall(amount, health.reserve, input.available);
        all[14] = AuctionMath.registered(input.available, health.equity, health.margin);
        all[15] = AuctionMath.levyOf(all[14], input.deficit, input.total);
        all[16] = AuctionMath.stepLeft(terms, input.taken, input.sinceEnd);
        all[17] = int256(uint256(AuctionMath.stepTaken(terms, all[16], input.share)));
    }
}
