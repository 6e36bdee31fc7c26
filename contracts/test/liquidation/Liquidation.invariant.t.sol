// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ILiquidation} from "../../src/hub/liquidation/ILiquidation.sol";
import {IMarkets} from "../../src/hub/markets/IMarkets.sol";
import {Walk, WalkActor, WalkTest} from "../hub/Walk.sol";
import {LiquidationWalk} from "./LiquidationWalk.sol";

contract LiquidationActor is WalkActor {
    constructor(Walk walk) WalkActor(walk) {}
}

/// @notice See Liquidation.invariant.tree.
contract LiquidationInvariantTest is WalkTest {
    function setUp() public {
        walk = new LiquidationWalk();
        walk.setUp();
        targetContract(address(new LiquidationActor(walk)));
    }

    function invariant_INV_LIQ_1_INV_LIQ_2_INV_LIQ_3_INV_CASH_1() public view {
        walk.check();
    }

    /// @dev The actor does what it says: a walk in which nobody is ever liquidated would keep every invariant.
    function test_GivenALongWalk_EveryActionAndRefusalHappens() public {
        _walkLong(11, 3600);
        bytes32[46] memory actions = [
            bytes32("trade"),
            "option",
            "move",
            "start",
            "bid",
            "insolvent bid",
            "dust bid",
            "restored",
            "undo",
            "end",
            "top-up",
            "withdraw",
            "stake",
            "exit",
            "cover",
            "levy",
            "registered",
            "levied",
            "spread of a levy",
            "spread",
            "debt",
            "shortfall",
            "shortfall bid",
            "made good",
            "others",
            "sheet",
            "mode",
            "chain worse",
            "chain better",
            "grace",
            "start isolated",
            "start portfolio",
            "start by sheet",
            "start without sheet",
            "start impaired",
            "bid isolated",
            "bid portfolio",
            "bid by sheet",
            "bid without sheet",
            "bid impaired",
            "insolvent bid isolated",
            "insolvent bid portfolio",
            bytes32(ILiquidation.HealthyAccount.selector),
            bytes32(ILiquidation.CoolOff.selector),
            bytes32(ILiquidation.GracePeriod.selector),
            bytes32(IMarkets.IsolatedHoldsOne.selector)
        ];
        for (uint256 i; i < actions.length; ++i) _assertDone(actions[i]);
    }
}
