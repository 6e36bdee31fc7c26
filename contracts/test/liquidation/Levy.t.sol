// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ILevy} from "../../src/hub/liquidation/ILevy.sol";
import {IMargin} from "../../src/hub/markets/IMargin.sol";
import {Account as HubAccount} from "../../src/types/Account.sol";
import {LevyFixture} from "./LevyFixture.sol";

/// @notice See Levy.tree. alice and bob are long BTC at 60,000 against carol; BTC is at 61,000 when a deficit appears.
contract LevyTest is LevyFixture {
    uint256 private constant DAY = 1 days;

    function setUp() public override {
        super.setUp();
        _markets.trade(_alice, _carol, BTC_PERP, 30e18, 60_000e18);
        _markets.trade(_bob, _carol, BTC_PERP, 10e18, 60_000e18);
        _priceBtc(61_000e18);
    }

    function _open(uint256 deficit) private returns (uint64) {
        _lose(BTC, deficit);
        return _levy.newestOf(BTC);
    }

    function _over() private {
        vm.warp(_now() + 15 minutes);
    }

    // ---- opening

    function test_GivenADeficit_WhenItIsReported_ALevyOpensAtOnceAndFixesTheDeficitAndThePrice() public {
        _ledger.changeCash(deficitAccount(BTC), -20_000e18);
        vm.expectEmit(address(_levy));
        emit ILevy.LevyOpened(1, BTC, 20_000e18, 61_000e18, _now() + 15 minutes);
        _levy.reportDeficit(BTC, 20_000e18);
        uint64 id = _levy.newestOf(BTC);
        assertEq(id, 1);
        vm.expectRevert(abi.encodeWithSelector(ILevy.LevyOpen.selector, BTC, id, _now() + 15 minutes));
        _levy.open(BTC);
    }

    /// @dev A bid reports it: closing the old levy there could spread a loss over the account that is just being sold.
    function test_GivenALevyWhoseWindowIsOver_WhenAnotherDeficitIsReported_ItStaysAsItIs() public {
        uint64 id = _open(20_000e18);
        _over();
        _lose(BTC, 20_000e18);
        assertEq(_levy.newestOf(BTC), id);
        assertFalse(_levy.levyOf(id).closed);
        _priceBtc(61_000e18);
        assertEq(_levy.open(BTC), id + 1, "by anyone");
        assertTrue(_levy.levyOf(id).closed);
    }

    function test_GivenAFund_WhenALevyOpens_TheFundPaysFirst() public {
        _ledger.changeCash(_fund.account(), 15_000e18);
        uint64 id = _open(20_000e18);
        assertEq(_levy.levyOf(id).deficit, 5_000e18);
        assertEq(_fund.assets(), 0);
    }

    function test_GivenDustOrNoMarket_NoLevyOpens() public {
        _lose(BTC, 1e18 - 1);
        vm.expectRevert(abi.encodeWithSelector(ILevy.DeficitTooSmall.selector, BTC, 1e18 - 1, 1e18));
        _levy.open(BTC);
        _lose(0, 5e18);
        vm.expectRevert(abi.encodeWithSelector(ILevy.DeficitTooSmall.selector, 0, 5e18, 1e18));
        _levy.open(0);
    }

    function test_GivenPricesThatCannotBeUsed_NoLevyOpens() public {
        vm.warp(_now() + DAY);
        _lose(BTC, 20_000e18);
        assertEq(_levy.newestOf(BTC), 0);
        vm.expectRevert(abi.encodeWithSelector(ILevy.PriceUnusable.selector, BTC));
        _levy.open(BTC);
        _priceBtc(61_000e18);
        assertEq(_levy.open(BTC), 1, "by anyone, once there is a price");
    }

    // ---- registering

    function test_GivenAnAccountThatGained_WhenAnyoneRegistersIt_TheReceiptSaysWhy() public {
        uint64 id = _open(20_000e18);
        vm.expectEmit(address(_levy));
        // 3% of 30 · 61,000 is its maintenance margin.
        emit ILevy.Registered(id, HubAccount.unwrap(_alice), 30_000e18, 1_030_000e18, 54_900e18, 30_000e18);
        vm.prank(makeAddr("anyone"));
        assertEq(_levy.register(id, _alice), 30_000e18);
        assertEq(_levy.reservedOf(_alice), 30_000e18);
        assertEq(_levy.register(id, _alice), 30_000e18, "again changes nothing");
        assertEq(_levy.levyOf(id).total, 30_000e18);
        assertEq(_levy.register(id, _carol), 0, "who lost pays nothing");
    }

    function test_GivenAThinAccount_ItIsRegisteredDownToMaintenanceMargin() public {
        _cash(_alice, 40_000e18);
        uint64 id = _open(20_000e18);
        assertEq(_levy.register(id, _alice), 40_000e18 + 30_000e18 - 54_900e18);
        _cash(_bob, 0);
        assertEq(_levy.register(id, _bob), 0, "10,000 of equity against 18,300");
    }

    function test_GivenAHedgedAccount_OptionsCountByWhatTheyWouldPay() public {
        uint40 expiry = uint40(((_now() + 30 days) / 1 hours) * 1 hours);
        _list(BTC, expiry, 60_000e18);
        _markets.trade(_dave, _alice, _call(BTC, expiry, 60_000e18), 10e18, 2_000e18);
        uint64 id = _open(20_000e18);
        vm.mockCall(
            address(_cross),
            abi.encodeWithSelector(_cross.riskOf.selector),
            abi.encode(int256(1e24), uint256(0), uint256(0), uint256(0), uint8(255), uint8(0), uint40(0))
        );
        assertEq(_levy.register(id, _alice), 20_000e18, "30,000 less what the calls sold cost at 61,000");
        assertEq(_levy.register(id, _dave), 10_000e18, "what they would pay their holder");
    }

    function test_GivenAnOpenWindow_WhenAnAccountTrades_ItIsRegisteredAsItStoodBefore() public {
        uint64 id = _open(20_000e18);
        _markets.trade(_dave, _alice, BTC_PERP, 30e18, 61_000e18);
        assertEq(_levy.registrationOf(id, _alice).registered, 30_000e18, "gains stay registered when they become cash");
        assertEq(_levy.registrationOf(id, _dave).registered, 0);
        assertTrue(_levy.registrationOf(id, _dave).seen, "who comes later pays nothing");
        _priceBtc(62_000e18);
        assertEq(_levy.register(id, _dave), 0);
        assertEq(_levy.register(id, _bob), 10_000e18, "at the price of the levy");
    }

    function test_GivenAnOpenWindow_WhenASliceMoves_BothAreRegisteredFirst() public {
        uint64 id = _open(20_000e18);
        _markets.transferSlice(_alice, _dave, 0.5e18);
        assertEq(_levy.registrationOf(id, _alice).registered, 30_000e18);
        assertTrue(_levy.registrationOf(id, _dave).seen);
    }

    function test_GivenAnotherUnderlyingOrAClosedWindow_TradesAreNotSeen() public {
        uint64 id = _open(20_000e18);
        _markets.trade(_dave, _carol, ETH_PERP, 1e18, 3_000e18);
        assertFalse(_levy.registrationOf(id, _dave).seen);
        _over();
        _levy.close(id);
        _markets.trade(_dave, _alice, BTC_PERP, 30e18, 61_000e18);
        assertFalse(_levy.registrationOf(id, _alice).seen);
        vm.expectRevert(abi.encodeWithSelector(ILevy.WindowOver.selector, id, _levy.levyOf(id).until));
        _levy.register(id, _alice);
        vm.expectRevert(abi.encodeWithSelector(ILevy.NotMarkets.selector, address(this), address(_markets)));
        _levy.beforeChange(_alice, BTC);
    }

    // ---- paying

    function test_GivenGainsThatCoverTheDeficit_EachPaysItsPartAndPositionsStay() public {
        uint64 id = _open(20_000e18);
        _levy.register(id, _alice);
        _levy.register(id, _bob);
        vm.expectRevert(abi.encodeWithSelector(ILevy.WindowOpen.selector, id, _levy.levyOf(id).until));
        _levy.settle(id, _alice);
        _over();
        assertEq(_levy.owedBy(id, _alice), 15_000e18);
        vm.expectEmit(address(_levy));
        emit ILevy.LevyPaid(id, HubAccount.unwrap(_alice), 30_000e18, 15_000e18, 0);
        assertEq(_levy.settle(id, _alice), 15_000e18);
        assertEq(_levy.settle(id, _bob), 5_000e18);
        assertEq(_cashOf(_alice), 985_000e18);
        (int256 size, ) = _markets.positionOf(_alice, BTC);
        assertEq(size, 30e18);
        assertEq(_levy.reservedOf(_alice), 0);
        assertEq(_levy.levyOf(id).left, 0);
        assertGe(_cashOf(deficitAccount(BTC)), -1e18, "but for interest");
        vm.expectRevert(abi.encodeWithSelector(ILevy.AlreadySettled.selector, id, HubAccount.unwrap(_alice)));
        _levy.settle(id, _alice);
        vm.expectRevert(abi.encodeWithSelector(ILevy.NotRegistered.selector, id, HubAccount.unwrap(_dave)));
        _levy.settle(id, _dave);
        _checkSums();
    }

    function test_GivenMoreThanGainsCover_WhatIsLeftIsALossOfAllCash() public {
        uint64 id = _open(100_000e18);
        _levy.register(id, _alice);
        _levy.register(id, _bob);
        _over();
        (uint256 kept, ) = _ledger.spreadOf();
        assertEq(kept, 1e27);
        _levy.close(id);
        (kept, ) = _ledger.spreadOf();
        // 60,000 of the four million that accounts hold.
        assertEq(kept, (uint256(1e27) * 3_940_000) / 4_000_000);
        assertEq(_cashOf(_dave), 985_000e18);
        assertEq(_levy.settle(id, _alice), 30_000e18);
        assertEq(_levy.settle(id, _bob), 10_000e18);
        assertGe(_cashOf(deficitAccount(BTC)), -1e18, "but for interest");
        _checkSums();
    }

    function test_GivenALossWithoutPositions_ItIsSpreadAtOnce() public {
        _ledger.changeCash(_fund.account(), 10_000e18);
        _lose(0, 50_000e18);
        vm.prank(makeAddr("anyone"));
        assertEq(_levy.spread(), 40_000e18);
        assertEq(_cashOf(_dave), 990_000e18);
        assertEq(_cashOf(deficitAccount(0)), 0);
        _checkSums();
    }

    function test_GivenAnAccountThatHasNotPaid_WhenTheNextLevySeesIt_ItPaysFirst() public {
        uint64 id = _open(20_000e18);
        _levy.register(id, _alice);
        _over();
        _levy.close(id);
        _priceBtc(61_000e18);
        uint64 next = _open(20_000e18);
        _levy.register(next, _alice);
        assertTrue(_levy.registrationOf(id, _alice).settled);
        assertEq(_cashOf(_alice), 980_000e18);
        assertEq(_levy.reservedOf(_alice), 30_000e18, "of the next");
    }

    // ---- what waits

    function test_GivenAnAccountThatIsRegistered_WhatALevyMayTakeCannotLeave() public {
        uint64 id = _open(20_000e18);
        // Realised before anybody registered: cash now.
        _markets.trade(_dave, _alice, BTC_PERP, 30e18, 61_000e18);
        _over();
        HubAccount sibling = HubAccount.wrap(bytes32(uint256(HubAccount.unwrap(_alice)) + 1));
        _as(_alice);
        vm.expectRevert(
            abi.encodeWithSelector(IMargin.LevyPending.selector, HubAccount.unwrap(_alice), 30_000e18, 29_999e18, 0)
        );
        _ledger.transferCash(_alice, sibling, 1_000_001e18);
        _as(_alice);
        _ledger.transferCash(_alice, sibling, 1_000_000e18);
        _levy.settle(id, _alice);
        assertEq(_cashOf(_alice), 10_000e18);
        _as(_alice);
        _ledger.transferCash(_alice, sibling, 10_000e18);
    }

    // ---- the brake

    function test_GivenMoreMissingThanTheFundHas_CashIsKeptUntilItIsCovered() public {
        _ledger.changeCash(_fund.account(), 15_000e18);
        // 0.1% of four millions and the fund.
        uint256 least = 4_015e18;
        assertEq(_levy.least(), least);
        _levy.reportShortfall(_carol, BTC, 15_000e18 + least - 1, 1_000_000e18);
        assertFalse(_ledger.isBraked(), "the fund can pay all but dust; what payouts may grow by is not missing");
        assertEq(_levy.worstLoss(), 1_015_000e18 + least - 1);
        vm.expectEmit(address(_levy));
        emit ILevy.BrakeReviewed(true, 15_000e18 + least, 15_000e18);
        _levy.reportShortfall(_carol, BTC, 15_000e18 + least, 0);
        assertTrue(_ledger.isBraked());
        _levy.reportShortfall(_carol, 0, 0, 0);
        assertFalse(_ledger.isBraked());
        assertEq(_levy.worstLoss(), 0);
        uint64 id = _open(30_000e18);
        assertTrue(_ledger.isBraked(), "15,000 that nobody covers yet");
        _levy.register(id, _alice);
        _over();
        _levy.close(id);
        assertFalse(_ledger.isBraked(), "they are collectible");
        _checkSums();
    }

    function test_GivenStrangers_TheyReportNothing() public {
        vm.startPrank(makeAddr("stranger"));
        vm.expectRevert(abi.encodeWithSelector(ILevy.NotLiquidation.selector, makeAddr("stranger"), address(this)));
        _levy.reportDeficit(BTC, 1);
        vm.expectRevert(abi.encodeWithSelector(ILevy.NotLiquidation.selector, makeAddr("stranger"), address(this)));
        _levy.reportShortfall(_alice, BTC, 1, 0);
        vm.stopPrank();
        vm.expectRevert(abi.encodeWithSelector(ILevy.LevyUnknown.selector, 9));
        _levy.register(9, _alice);
    }

    // ---- any order

    /// @dev Whoever is registered and settled when: each pays the same, together exactly the deficit and the fund's roundings.
    function test_GivenAnyOrder_EachPaysTheSameAndTogetherTheDeficit(
        uint256 seed,
        uint96 deficit,
        uint64[3] memory sizes
    ) public {
        HubAccount[4] memory accounts = [_alice, _bob, _dave, _carol];
        for (uint256 i; i < 3; ++i) {
            uint128 size = uint128(bound(sizes[i], 1, 20e18));
            _markets.trade(
                accounts[i],
                _carol,
                BTC_PERP,
                size,
                uint128(59_000e18 + (uint256(sizes[i]) % 3_000) * 1e18)
            );
        }
        deficit = uint96(bound(deficit, 1e18, 200_000e18));
        uint64 id = _open(deficit);
        uint256 first = seed % 4;
        for (uint256 i; i < 4; ++i) _levy.register(id, accounts[(first + i) % 4]);
        _over();
        _levy.close(id);
        ILevy.LevyView memory levy = _levy.levyOf(id);
        uint256 covered = levy.total < deficit ? levy.total : deficit;
        uint256 paid;
        for (uint256 i; i < 4; ++i) {
            HubAccount account = accounts[(seed / 7 + i * 3) % 4];
            uint256 registered = _levy.registrationOf(id, account).registered;
            uint256 expected = levy.total == 0 ? 0 : (registered * covered + levy.total - 1) / levy.total;
            assertEq(_levy.owedBy(id, account), expected);
            uint256 levied = _levy.settle(id, account);
            assertEq(levied, expected, "by the sums alone");
            assertLe(levied, registered);
            paid += levied;
        }
        assertGe(paid, covered, "all that gains cover");
        assertLe(paid - covered, 3, "never more, but for roundings");
        assertEq(_levy.levyOf(id).left, 0);
        _checkSums();
    }
}
