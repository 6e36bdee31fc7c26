// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Test} from "forge-std/Test.sol";
import {IMargin} from "../../src/hub/markets/IMargin.sol";
import {IMarkets} from "../../src/hub/markets/IMarkets.sol";
import {MarketsWalk} from "./MarketsWalk.sol";

/// @notice What the fuzzer may touch.
contract MarketsActor {
    MarketsWalk private immutable _walk;

    constructor(MarketsWalk walk) {
        _walk = walk;
    }

    function step(uint256 seed) external {
        _walk.step(seed);
    }
}

/// @notice See Markets.invariant.tree.
contract MarketsInvariantTest is Test {
    MarketsWalk private walk;

    function setUp() public {
        walk = new MarketsWalk();
        walk.setUp();
        targetContract(address(new MarketsActor(walk)));
    }

    function invariant_INV_CASH_1_INV_POS_1_INV_MARGIN_1_INV_LEDGER_1() public view {
        walk.check();
    }

    /// @dev The actor does what it says: a walk in which nothing is ever allowed, or refused, would keep every invariant.
    function test_GivenALongWalk_EveryActionAndRefusalHappens() public {
        uint256 seed = 7;
        for (uint256 i = 0; i < 1200; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            walk.step(seed);
            if (i % 20 == 0) walk.check();
        }
        walk.check();
        // GainUnrealised is left to Margin.t.sol and WithdrawalsMargin.t.sol: it takes a debtor whose gains exceed his margin.
        bytes32[17] memory actions = [
            bytes32("trade"),
            "reduce",
            "deposit",
            "withdraw",
            "transfer",
            "enable",
            "disable",
            "mode",
            "profile",
            "anyone",
            "settle",
            "retire",
            "move",
            "gap",
            bytes32(IMargin.BelowInitialMargin.selector),
            bytes32(IMargin.PricesNotFresh.selector),
            bytes32(IMarkets.IsolatedHoldsOne.selector)
        ];
        for (uint256 i = 0; i < actions.length; ++i)
            assertGt(walk.done(actions[i]), 0, string(abi.encodePacked("never: ", actions[i])));
    }
}
