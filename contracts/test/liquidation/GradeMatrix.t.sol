// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IWithdrawals} from "../../src/hub/IWithdrawals.sol";
import {AuctionTerms} from "../../src/hub/liquidation/AuctionMath.sol";
import {ILiquidation} from "../../src/hub/liquidation/ILiquidation.sol";
import {IExchange} from "../../src/hub/markets/IExchange.sol";
import {IMargin} from "../../src/hub/markets/IMargin.sol";
import {Grade} from "../../src/hub/risk/FeedGrade.sol";
import {FeedId, FeedWord, Kind} from "../../src/hub/risk/FeedWord.sol";
import {IFeeds} from "../../src/hub/risk/IFeeds.sol";
import {Account as HubAccount} from "../../src/types/Account.sol";
import {LiquidationFixture} from "./LiquidationFixture.sol";

/// @notice See GradeMatrix.tree. Every cell of the table of permissions, tried with the contracts: orders by the exchange, withdrawals, deposits,
///         auctions. alice is long 100 BTC at 60,000, which is the mark throughout: 300,000 initially, 180,000 at least.
contract GradeMatrixTest is LiquidationFixture {
    string private constant TABLE = "../shared/vectors/risk/feed-grades.json";
    uint128 private constant MARK = 60_000e18;
    uint128 private constant ONE = 1e18;
    int256 private constant RICH = 1_300_000e18;
    /// @dev Solvent, below maintenance margin: of 1,800 freed by selling one BTC, 1,000 may be handed over.
    int256 private constant POOR = 100_000e18;
    bytes4 private constant DONE = 0;

    IExchange private _exchange;
    uint256 private _nonce;
    uint64 private _sequence;
    string[8] private _grades = ["fresh", "aged", "stale", "uncertain", "disagreeing", "future", "zero", "halted"];

    function setUp() public override {
        super.setUp();
        bytes memory links = abi.encode(_manager, address(_ledger), _markets, _margin, address(_delegates));
        _exchange = IExchange(_create("src/hub/markets/Exchange.sol:Exchange", links));
        _markets.setModule(address(_exchange), true);
        _ledger.setModule(address(_exchange), true);
        // Any account is small, and none so large that it is always sold in steps.
        AuctionTerms memory terms = _liquidation.termsOf();
        (terms.smallMargin, terms.largeMargin) = (1e30, 1e30);
        _liquidation.setTerms(terms);
    }

    // ---- given each grade

    function test_GivenEachGrade_WhenAnAccountTradesWithdrawsOrIsToppedUp_ItMayWhatTheTablePermits() public {
        for (uint8 g; g <= uint8(type(Grade).max); ++g) {
            string[] memory row = _row(g);
            uint256 state = vm.snapshotState();
            _cash(_alice, RICH);
            _turn(Grade(g));
            assertEq(_permissionToOpen(Grade(g)), row[0], _cell(g, "open"));
            assertEq(_permissionToReduce(Grade(g)), row[1], _cell(g, "reduce"));
            // Before there is collateral of another price.
            assertEq(_permissionToWithdraw(Grade(g)), row[3], _cell(g, "withdraw"));
            assertEq(_permissionToTopUp(), row[2], _cell(g, "topUp"));
            vm.revertToState(state);
        }
    }

    function test_GivenEachGrade_WhenAnAccountIsLiquidated_ItMayBeAsFarAsTheTablePermits() public {
        _cash(_alice, 150_000e18);
        for (uint8 g; g <= uint8(type(Grade).max); ++g) {
            string[] memory row = _row(g);
            uint256 state = vm.snapshotState();
            _turn(Grade(g));
            assertEq(_permissionToStart(Grade(g)), row[4], _cell(g, "startLiquidation"));
            vm.revertToState(state);
            state = vm.snapshotState();
            _turn(Grade.Fresh);
            _start(_alice);
            _turn(Grade(g));
            assertEq(_permissionToBid(Grade(g)), row[5], _cell(g, "bid"));
            vm.revertToState(state);
        }
    }

    // ---- given fresh prices

    function test_GivenFreshPrices_WhenAnAccountBelowInitialMarginReduces_ItCostsAtMostItsOwnPart() public {
        _turn(Grade.Fresh);
        assertEq(_permissionOfThePoor(Grade.Fresh), "ownPart");
    }

    // ---- given no spot price

    function test_GivenNoSpotPrice_WhenAnAccountReduces_ItReverts() public {
        FeedId spot = _spotId();
        _feeds.halt(spot);
        _feeds.resume(spot, true);
        assertEq(uint8(_margin.riskOf(_alice).grade), uint8(Grade.Zero));
        assertEq(_sell(MARK), IExchange.SpotUnknown.selector);
    }

    // ---- what the contracts permit

    function _permissionToOpen(Grade grade) private returns (string memory) {
        (bytes4 error, bytes memory reason) = _trade(_alice, _bob, MARK, false);
        if (error == DONE) return "allowed";
        _checkReason(reason, IMargin.PricesNotFresh.selector, grade);
        return "refused";
    }

    function _permissionToReduce(Grade grade) private returns (string memory) {
        // 15,000 below the mark: more than its part, its margin and the band together.
        if (_sell(45_000e18) == DONE) return "allowed";
        return _permissionOfThePoor(grade);
    }

    function _permissionOfThePoor(Grade grade) private returns (string memory) {
        int256 cash = _ledger.cashOf(_alice);
        _cash(_alice, POOR);
        string memory permission = _permissionByCost(grade);
        _cash(_alice, cash);
        return permission;
    }

    function _permissionByCost(Grade grade) private returns (string memory) {
        _checkOutside(MARK - 1001e18, grade);
        if (_sell(MARK - 1000e18) == DONE) return "ownPart";
        // A two-hundredth of what changes hands.
        _checkOutside(MARK - 300e18, grade);
        return _sell(MARK - 298e18) == DONE ? "atBand" : "refused";
    }

    function _checkOutside(uint128 price, Grade grade) private {
        (, bytes memory reason) = _trade(_bob, _alice, price, true);
        _checkReason(reason, IMargin.OutsideBand.selector, grade);
    }

    /// @dev From two vaults: cash, and collateral that was not there before.
    function _permissionToTopUp() private returns (string memory) {
        int256 cash = _ledger.cashOf(_alice);
        _deliver(SPOKE, USDC, 12_000e6);
        _deliver(OTHER, WETH, 4e18);
        (uint128 units, ) = _ledger.balanceOf(_alice, _wethId);
        return _ledger.cashOf(_alice) == cash + 12_000e18 && units == 4e18 ? "allowed" : "refused";
    }

    function _deliver(uint32 eid, uint16 asset, uint128 amount) private {
        uint256 terms = (uint256(++_sequence) << 152) | (1 << 144) | (uint256(asset) << 128) | amount;
        _ledger.credit(eid, abi.encode(_alice, terms));
    }

    function _permissionToWithdraw(Grade grade) private returns (string memory) {
        IWithdrawals.Leg[] memory legs = new IWithdrawals.Leg[](1);
        legs[0] = IWithdrawals.Leg(SPOKE, USDC, true, 1_000e18, _alice.owner());
        _as(_alice);
        try _withdrawals.request(_alice, legs, "") {
            return "allowed";
        } catch (bytes memory reason) {
            _checkReason(reason, IMargin.PricesNotFresh.selector, grade);
            return "refused";
        }
    }

    function _permissionToStart(Grade grade) private returns (string memory) {
        try _liquidation.start(_alice, "") {
            return "allowed";
        } catch (bytes memory reason) {
            _checkReason(reason, ILiquidation.PricesUnusable.selector, grade);
            return "refused";
        }
    }

    function _permissionToBid(Grade grade) private returns (string memory) {
        ILiquidation.Bid memory wanted = _wanted(_carol, 1e18);
        uint64 step = _liquidation.termsOf().stepShare;
        _as(_carol);
        try _liquidation.bid(wanted, "") returns (uint256 share, int256) {
            assertGe(share, step);
            return share > step ? "allowed" : "smallerSteps";
        } catch (bytes memory reason) {
            _checkReason(reason, ILiquidation.PricesUnusable.selector, grade);
            return "refused";
        }
    }

    // ---- grades

    /// @dev A second later, alice's account is of this grade, whatever it was before.
    function _turn(Grade grade) private {
        vm.warp(_now() + 1);
        _price(BTC, MARK, MARK);
        _degrade(grade);
        assertEq(uint8(_margin.riskOf(_alice).grade), uint8(grade), "the feeds are of another grade");
    }

    function _degrade(Grade grade) private {
        FeedId mark = _id(Kind.Mark, 0);
        if (grade == Grade.Aged) vm.warp(_now() + 61);
        if (grade == Grade.Stale) vm.warp(_now() + 601);
        if (grade == Grade.Uncertain) {
            vm.warp(_now() + 1);
            _submit(_now(), _one(mark, MARK, 2e7 + 1));
        }
        if (grade == Grade.Disagreeing) {
            _source.set(MARK + MARK / 40, _now(), 0);
            _feeds.setUnderlying(BTC, IFeeds.SpotMode.Checked, address(_source), _bounds());
        }
        if (grade == Grade.Future) {
            _source.set(MARK, _now() + 6, 0);
            _feeds.setUnderlying(BTC, IFeeds.SpotMode.Source, address(_source), _bounds());
        }
        if (grade >= Grade.Zero) _feeds.halt(mark);
        if (grade == Grade.Zero) {
            _feeds.resume(mark, true);
            // Without a band the mark is spot, as it was.
            IFeeds.Bounds memory bounds = _bounds();
            bounds.markBand = 0;
            _feeds.setUnderlying(BTC, IFeeds.SpotMode.Signed, address(0), bounds);
        }
    }

    // ---- trades

    /// @dev alice sells one BTC, of which bob is short: both reduce. Nothing of it stays.
    function _sell(uint128 price) private returns (bytes4 error) {
        (error, ) = _trade(_bob, _alice, price, true);
    }

    /// @dev One BTC changes hands; nothing of it stays.
    /// @return error 0 if it was settled
    function _trade(
        HubAccount buyer,
        HubAccount seller,
        uint128 price,
        bool reduces
    ) private returns (bytes4 error, bytes memory reason) {
        IExchange.Fill[] memory fills = new IExchange.Fill[](1);
        fills[0] = IExchange.Fill(
            _signed(buyer, 1e18, price, reduces),
            _signed(seller, -1e18, price, reduces),
            ONE,
            price,
            0,
            0
        );
        uint256 state = vm.snapshotState();
        try _exchange.settle(fills, _carol, "") {
            assertEq(_markets.sizeOf(_alice, BTC_PERP), reduces ? int256(99e18) : int256(101e18));
        } catch (bytes memory raw) {
            reason = raw;
            // CAST: a reason begins with its selector.
            error = bytes4(raw);
        }
        vm.revertToState(state);
    }

    function _signed(
        HubAccount account,
        int128 amount,
        uint128 limit,
        bool reduces
    ) private returns (IExchange.SignedOrder memory) {
        IExchange.Order memory order = IExchange.Order(
            account,
            BTC_PERP,
            amount,
            limit,
            0,
            _now() + 1 hours,
            ++_nonce,
            reduces
        );
        (address owner, uint256 secret) = makeAddrAndKey(account.owner() == _alice.owner() ? "alice" : "bob");
        return IExchange.SignedOrder(order, owner, _signature(secret, _exchange.hashOf(order)));
    }

    // ---- the table

    function _row(uint8 grade) private view returns (string[] memory row) {
        row = vm.parseJsonStringArray(vm.readFile(TABLE), string.concat(".permissions.", _grades[grade]));
        assertEq(row.length, 6);
    }

    function _cell(uint8 grade, string memory action) private view returns (string memory) {
        return string.concat(_grades[grade], " ", action);
    }

    /// @dev Refused for the grade, and for nothing else.
    function _checkReason(bytes memory reason, bytes4 selector, Grade grade) private pure {
        // CAST: a reason begins with its selector.
        assertEq(bytes4(reason), selector);
        uint256 last;
        assembly ("memory-safe") {
            last := mload(add(reason, mload(reason)))
        }
        assertEq(last, uint8(grade), "refused for another grade");
    }
}
