// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IMargin} from "../../src/hub/markets/IMargin.sol";
import {IMarkets} from "../../src/hub/markets/IMarkets.sol";
import {MarketsWalk} from "./MarketsWalk.sol";
import {Walk, WalkActor, WalkTest} from "./Walk.sol";

contract MarketsActor is WalkActor {
    constructor(Walk walk) WalkActor(walk) {}
}

/// @notice See Markets.invariant.tree.
contract MarketsInvariantTest is WalkTest {
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
        _walkLong(7, 1200);
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
        for (uint256 i = 0; i < actions.length; ++i) _assertDone(actions[i]);
    }
}
