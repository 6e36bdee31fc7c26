// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";

import {Grade} from "../../src/hub/risk/FeedGrade.sol";
import {Kind} from "../../src/hub/risk/FeedWord.sol";
import {IPortfolioEngine} from "../../src/hub/risk/IPortfolioEngine.sol";
import {IRiskEngine, Risk} from "../../src/hub/risk/IRiskEngine.sol";
import {ISheets} from "../../src/hub/risk/ISheets.sol";
import {SheetBuilder} from "../../src/hub/risk/SheetBuilder.sol";
import {HoldingsFixture, ListingDouble} from "./HoldingsFixture.sol";

/// @dev See PortfolioEngine.tree.
contract PortfolioEngineTest is HoldingsFixture {
    address private immutable _stranger = makeAddr("stranger");
    IPortfolioEngine private _engine;
    ISheets private _sheets;

    function setUp() public override {
        super.setUp();
        address listing = address(new ListingDouble(EXPIRY));
        address table = _create("src/math/NormalTable.sol:NormalTable", "");
        _sheets = ISheets(_create("src/hub/risk/Sheets.sol:Sheets", abi.encode(address(_feeds), listing, table)));
        IPortfolioEngine.Links memory links = IPortfolioEngine.Links(
            address(_feeds),
            address(_rules),
            address(_sheets)
        );
        _engine = IPortfolioEngine(
            _create("src/hub/risk/PortfolioEngine.sol:PortfolioEngine", abi.encode(_manager, links, uint16(0)))
        );
    }

    // ---- given an account

    function test_GivenAnAccount_WhenItIsFlat_ItNeedsNothing() public view {
        Risk memory risk = _engine.riskOf(_words(_head(0, 0, 0)));
        assertEq(risk.equity, 0);
        assertEq(risk.initialMargin, 0);
        assertEq(risk.maintenanceMargin, 0);
    }

    function test_GivenAnAccount_WhenItHoldsAPerpetual_ItLosesTheWorstMoveAndPaysForSize() public view {
        Risk memory risk = _engine.riskOf(_words(_head(0, 0, 1), _position(0, 1e18, -60_000e18)));
        // 16% of 60,000, by 0.8; 3% and 4% beside it.
        assertEq(risk.equity, 0);
        assertEq(risk.maintenanceMargin, 7680e18 + 1800e18);
        assertEq(risk.initialMargin, 9600e18 + 2400e18);
        assertEq(risk.worstScenario, 0);
    }

    function testFuzz_GivenAnAccount_WhenALongOptionIsAdded_ItsHealthDoesNotFall(
        int16 held,
        uint8 place,
        bool isPut,
        uint16 added
    ) public view {
        place = place % 4;
        uint256 before = _option(0, (place + 1) % 4, isPut, held);
        int256 health = _health(before, 3e18);
        assertGe(_health(before | _option(1, place, isPut, int256(uint256(added))), 3e18), health - 10);
    }

    function testFuzz_GivenAnAccount_WhenPositionsOffset_ItNeverNeedsMoreThanTheParts(
        int16 a,
        int16 b,
        bool isPut
    ) public view {
        uint256 one = _option(0, 1, isPut, a);
        uint256 other = _option(1, 2, !isPut, b);
        assertGe(_health(one | other, 0), _health(one, 0) + _health(other, 0) - 10);
    }

    // ---- given a sheet

    function testFuzz_GivenASheet_WhenItIsCurrent_ItGivesTheBitsOfTheSheetlessPath(
        int104 size,
        int32[6] memory lots,
        uint256 collateral
    ) public {
        size = int104(bound(size, -1e24, 1e24));
        collateral = bound(collateral, 0, 1e15);
        uint256 options;
        for (uint8 i = 0; i < 6; ++i) options |= _option(i, i % 4, i > 2, lots[i] / 16);
        uint256[] memory words = _words(_head(1e18, 1, 1), _lot(ASSET, collateral), _position(1, size, 0), options);
        bytes memory expected = abi.encode(_engine.riskWithoutSheet(words));
        assertEq(abi.encode(_engine.riskOf(words)), expected);
        _sheets.publish(BTC, 0);
        assertEq(abi.encode(_engine.riskOf(words)), expected);
    }

    function test_GivenASheet_WhenItIsCurrent_ItIsCheaperThanNone() public {
        uint256[] memory words = _words(_head(0, 0, 1), _position(1, 0, 0), _option(0, 0, false, 5));
        uint256 gas = gasleft();
        _engine.riskOf(words);
        uint256 without = gas - gasleft();
        _sheets.publish(BTC, 0);
        gas = gasleft();
        _engine.riskOf(words);
        assertLt(gas - gasleft(), without);
    }

    function test_GivenASheet_WhenAFeedMoved_ItIsNotUsed() public {
        _sheets.publish(BTC, 0);
        vm.warp(START + 10);
        _submit(START + 10, _one(_id(Kind.Forward, EXPIRY), 63_000e18, 0));
        uint256[] memory words = _words(_head(0, 0, 1), _position(1, 0, 0), _option(0, 0, false, 1000));
        Risk memory risk = _engine.riskOf(words);
        assertEq(abi.encode(risk), abi.encode(_engine.riskWithoutSheet(words)));
        assertGt(risk.equity, 3000e18);
    }

    function test_GivenASheet_WhenItIsPublishedAgain_ItIsTheSameCode() public {
        address first = _sheets.publish(BTC, 0);
        vm.prank(_stranger);
        assertEq(_sheets.publish(BTC, 0), first);
        assertEq(_sheets.sheetOf(BTC, 0), first);
        // A STOP byte, then two words, two headers, a word of places and four rows.
        assertEq(first.code.length, 1 + 32 * (2 + 2 + 1 + 4 * 5));
    }

    // ---- given the feeds

    function test_GivenTheFeeds_WhenAnOptionExpired_ItIsWorthItsPayoffAndLosesNothing() public {
        vm.warp(EXPIRY + 1);
        _submitSpot(EXPIRY + 1, 99_000e18);
        uint256[] memory words = _words(_head(0, 0, 1), _position(1, 0, 0), _option(0, 0, false, 2000));
        assertEq(uint8(_engine.riskOf(words).grade), uint8(Grade.Zero));
        _settle(EXPIRY + 1, 61_000e18);
        Risk memory risk = _engine.riskOf(words);
        assertEq(uint8(risk.grade), uint8(Grade.Fresh));
        // The lanes' step is 2^-31 of the forward, the strike's 2^-27.
        assertApproxEqAbs(risk.equity, 2000e18, 1e15);
    }

    // ---- given governance

    function test_GivenGovernance_WhenCorrelationIsAboveTheCap_ItSaysSo() public {
        vm.expectRevert(abi.encodeWithSelector(IPortfolioEngine.CorrelationInvalid.selector, 750_000_001, 750_000_000));
        _engine.setGroup(BTC, 1, 750_000_001);
        vm.prank(_stranger);
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, _stranger));
        _engine.setGroup(BTC, 1, 1);
    }

    function test_GivenBadHoldings_WhenAStrikeIsNotListed_ItSaysWhatWasExpected() public {
        vm.expectRevert(abi.encodeWithSelector(SheetBuilder.PlaceUnlisted.selector, BTC, 9));
        _engine.riskOf(_words(_head(0, 0, 1), _position(1, 0, 0), _option(0, 9, false, 1)));
    }

    function _health(uint256 options, int104 perpetual) private view returns (int256) {
        Risk memory risk = _engine.riskOf(_words(_head(0, 0, 1), _position(1, perpetual, 0), options));
        return risk.equity - int256(risk.maintenanceMargin);
    }
}
