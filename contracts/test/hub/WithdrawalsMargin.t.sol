// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Gateway} from "../../src/hub/Gateway.sol";
import {IWithdrawals} from "../../src/hub/IWithdrawals.sol";
import {Withdrawals} from "../../src/hub/Withdrawals.sol";
import {IMargin} from "../../src/hub/markets/IMargin.sol";
import {FeedWord, Kind} from "../../src/hub/risk/FeedWord.sol";
import {Grade} from "../../src/hub/risk/FeedGrade.sol";
import {Risk} from "../../src/hub/risk/IRiskEngine.sol";
import {Entry, EntryKind} from "../../src/message/Entry.sol";
import {Account as HubAccount} from "../../src/types/Account.sol";
import {Deploy} from "../Deploy.sol";
import {MarginFixture} from "./MarginFixture.sol";

/// @notice See WithdrawalsMargin.tree. alice is long 10 BTC at 60,000 with 100,000 of cash and one BTC as collateral: worth 160,000, of
///         which 30,000 are needed and 6,000 cut.
contract WithdrawalsMarginTest is MarginFixture {
    uint40 private constant VALID = 1 hours;

    Withdrawals private _withdrawals;
    HubAccount private _who;
    bytes32 private _raw;
    uint64 private _delivered;

    function setUp() public override {
        super.setUp();
        Gateway gateway = Deploy.gateway(address(_manager), address(_hubLog), address(_ledger));
        _withdrawals = Deploy.withdrawals(
            address(_manager),
            address(_hubLog),
            address(_ledger),
            address(_delegates),
            address(gateway)
        );
        _hubLog.setPeer(SPOKE, bytes32(uint256(SPOKE)));
        _hubLog.setWriter(EntryKind.RELEASE, address(_withdrawals));
        _hubLog.setHandler(EntryKind.WITHDRAW_REQUESTED, address(_withdrawals));
        _withdrawals.setOutflow(SPOKE, USDC, 10_000_000e6, 1e6);
        _withdrawals.setOutflow(SPOKE, WBTC, 1_000e8, 1e8);
        _withdrawals.setMarginCheck(_margin);
        _ledger.setModule(address(_withdrawals), true);
        _who = _alice;
        _raw = HubAccount.unwrap(_who);
        _collateral(_who, ONE_BTC);
        _markets.trade(_who, _bob, BTC_PERP, 10e18, 60_000e18);
        _cash(_who, 100_000e18);
    }

    function _cashLeg(uint128 cash) private view returns (IWithdrawals.Leg memory) {
        return IWithdrawals.Leg(SPOKE, USDC, true, cash, _who.owner());
    }

    function _tokenLeg(uint128 units) private view returns (IWithdrawals.Leg memory) {
        return IWithdrawals.Leg(SPOKE, WBTC, false, units, _who.owner());
    }

    /// @dev A vault's log asks, as of now.
    function _record(IWithdrawals.Leg memory leg) private returns (uint64 at, bytes memory entry) {
        uint40 time = _now();
        entry = Entry.encodeWithdrawRequested(
            Entry.WithdrawRequested(
                _who,
                leg.eid,
                leg.asset,
                leg.fromCash,
                leg.amount,
                leg.receiver,
                time + VALID,
                time
            )
        );
        bytes memory stream = bytes.concat(bytes1(uint8(entry.length)), entry);
        at = ++_delivered;
        vm.prank(address(_hubLog));
        _withdrawals.applyEntries(SPOKE, at, stream, new uint256[](1));
    }

    function _ask(IWithdrawals.Leg memory leg, bytes memory prices) private returns (uint64) {
        IWithdrawals.Leg[] memory legs = new IWithdrawals.Leg[](1);
        legs[0] = leg;
        vm.prank(_who.owner(), _who.owner());
        return _withdrawals.request(_who, legs, prices);
    }

    function _assertOrdered(uint64 claim) private view {
        assertEq(uint8(_withdrawals.claimOf(claim).status), uint8(IWithdrawals.Status.Ordered));
    }

    /// @dev Prices move, and stand in the feeds, one second later.
    function _move(uint128 price) private {
        skip(1);
        _price(BTC, price, price);
    }

    // ---- requests that came by the log

    function test_GivenAForcedRequest_ItIsDecidedAtPricesSignedSince() public {
        skip(5);
        (uint64 at, bytes memory entry) = _record(_cashLeg(1_000e18));
        skip(5);
        // What was signed before it, known to the feeds or not, does not count, however fresh it is.
        vm.expectRevert(abi.encodeWithSelector(IMargin.PricesTooOld.selector, _raw, BEGIN, BEGIN + 5));
        _withdrawals.processRequest(SPOKE, at, entry, "");
        bytes memory prices = _prices(BEGIN + 4, 60_000e18);
        vm.expectRevert(abi.encodeWithSelector(IMargin.PricesTooOld.selector, _raw, BEGIN + 4, BEGIN + 5));
        _withdrawals.processRequest(SPOKE, at, entry, prices);
        prices = _prices(BEGIN + 6, 60_000e18);
        vm.prank(makeAddr("anyone"));
        _assertOrdered(_withdrawals.processRequest(SPOKE, at, entry, prices));
        assertEq(_ledger.cashOf(_who), 99_000e18);
    }

    function test_GivenAForcedRequest_WhenItsOwnerCannotAffordIt_ItWaitsUntilHeCan() public {
        (uint64 at, bytes memory entry) = _record(_cashLeg(31_000e18));
        // 90,000 lost: 61,000 left, of which 30,600 are needed.
        _move(51_000e18);
        vm.expectRevert(
            abi.encodeWithSelector(
                IMargin.BelowInitialMargin.selector,
                _raw,
                30_000e18,
                30_600e18,
                17_850e18,
                Grade.Fresh
            )
        );
        _withdrawals.processRequest(SPOKE, at, entry, "");
        assertTrue(_withdrawals.requestLeaf(SPOKE, at) != 0);
        _move(52_000e18);
        _assertOrdered(_withdrawals.processRequest(SPOKE, at, entry, ""));
    }

    function test_GivenAForcedRequest_WhenPricesAreNotFresh_ItWaits() public {
        (uint64 at, bytes memory entry) = _record(_cashLeg(1_000e18));
        skip(61);
        vm.expectRevert(abi.encodeWithSelector(IMargin.PricesNotFresh.selector, _raw, Grade.Aged));
        _withdrawals.processRequest(SPOKE, at, entry, "");
        _feeds.halt(FeedWord.id(BTC, Kind.Mark, 0));
        bytes memory prices = _prices(_now(), 60_000e18);
        vm.expectRevert(abi.encodeWithSelector(IMargin.PricesNotFresh.selector, _raw, Grade.Halted));
        _withdrawals.processRequest(SPOKE, at, entry, prices);
        // Who holds no position needs no price.
        _feeds.resume(FeedWord.id(BTC, Kind.Mark, 0), false);
        _markets.trade(_bob, _who, BTC_PERP, 10e18, 60_000e18);
        skip(600);
        _assertOrdered(_withdrawals.processRequest(SPOKE, at, entry, ""));
    }

    // ---- requests on the hub

    function test_GivenARequestOnTheHub_PricesAreThoseOfItsSecond() public {
        skip(5);
        bytes memory prices = _prices(BEGIN + 4, 60_000e18);
        IWithdrawals.Leg[] memory legs = new IWithdrawals.Leg[](1);
        legs[0] = _cashLeg(1_000e18);
        vm.startPrank(_who.owner(), _who.owner());
        vm.expectRevert(abi.encodeWithSelector(IMargin.PricesTooOld.selector, _raw, BEGIN + 4, BEGIN + 5));
        _withdrawals.request(_who, legs, prices);
        vm.stopPrank();
        _assertOrdered(_ask(legs[0], _prices(BEGIN + 5, 60_000e18)));
        // Without positions there is nothing to price.
        _markets.trade(_bob, _who, BTC_PERP, 10e18, 60_000e18);
        skip(365 days);
        _assertOrdered(_ask(_cashLeg(99_000e18), ""));
        _assertOrdered(_ask(_tokenLeg(uint128(ONE_BTC)), ""));
    }

    function test_GivenAnUnrealisedGain_ItDoesNotLeave_AndRealisedItDoes() public {
        // 100,000 won, and 100,000 of cash may go. The debt then is carried by collateral after its haircut, 63,000, or by nothing.
        _move(70_000e18);
        _assertOrdered(_ask(_cashLeg(100_000e18), ""));
        _cash(_who, -50_000e18);
        IWithdrawals.Leg[] memory legs = new IWithdrawals.Leg[](1);
        legs[0] = _tokenLeg(uint128(ONE_BTC / 2));
        vm.startPrank(_who.owner(), _who.owner());
        vm.expectRevert(abi.encodeWithSelector(IMargin.GainUnrealised.selector, _raw, 85_000e18, 65_000e18, 38_500e18));
        _withdrawals.request(_who, legs, "");
        vm.stopPrank();
        _markets.trade(_bob, _who, BTC_PERP, 10e18, 70_000e18);
        assertEq(_ledger.cashOf(_who), 50_000e18);
        _assertOrdered(_ask(_cashLeg(50_000e18), ""));
        _assertOrdered(_ask(legs[0], ""));
    }

    function test_GivenADebtor_HeTakesOutWhatStandsForNoDebt() public {
        _markets.trade(_bob, _who, BTC_PERP, 10e18, 60_000e18);
        _cash(_who, -27_000e18);
        IWithdrawals.Leg[] memory legs = new IWithdrawals.Leg[](1);
        legs[0] = _tokenLeg(uint128(ONE_BTC / 2 + 1));
        vm.startPrank(_who.owner(), _who.owner());
        vm.expectPartialRevert(IMargin.BelowInitialMargin.selector);
        _withdrawals.request(_who, legs, "");
        vm.stopPrank();
        _assertOrdered(_ask(_tokenLeg(uint128(ONE_BTC / 2)), ""));
    }

    // ---- any request

    /// @dev INV-MARGIN-1 of what leaves: either all is refused, or what is left covers initial margin without gains that are not realised.
    function testFuzz_GivenAnyRequest_WhatIsLeftCoversInitialMargin(
        uint128 price,
        uint128 amount,
        bool fromCash,
        bool forced
    ) public {
        price = uint128(bound(price, 45_000e18, 90_000e18));
        IWithdrawals.Leg memory leg =
            fromCash
                ? _cashLeg(uint128(bound(amount, 1e18, 100_000e18)))
                : _tokenLeg(uint128(bound(amount, 1, ONE_BTC)));
        uint64 at;
        bytes memory entry;
        if (forced) (at, entry) = _record(leg);
        _move(price);
        bool ordered;
        if (forced) {
            try _withdrawals.processRequest(SPOKE, at, entry, "") {
                ordered = true;
            } catch {}
        } else {
            IWithdrawals.Leg[] memory legs = new IWithdrawals.Leg[](1);
            legs[0] = leg;
            vm.prank(_who.owner(), _who.owner());
            try _withdrawals.request(_who, legs, "") {
                ordered = true;
            } catch {}
        }
        Risk memory risk = _margin.riskOf(_who);
        int256 spare = risk.equity - int256(risk.unrealisedGain) - int256(risk.initialMargin);
        if (ordered) {
            assertGe(spare, 0, "INV-MARGIN-1");
        } else {
            // It would not have been covered: what was asked for is worth more than what was spare, even with all haircut given back.
            int256 worth = int256(fromCash ? uint256(leg.amount) : (uint256(leg.amount) * price) / ONE_BTC);
            assertLt(spare, worth, "refused without need");
        }
    }
}
