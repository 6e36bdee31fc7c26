// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {IExchange} from "../../src/hub/markets/IExchange.sol";
import {IMargin} from "../../src/hub/markets/IMargin.sol";
import {Grade} from "../../src/hub/risk/FeedGrade.sol";
import {Account as HubAccount, AccountLib} from "../../src/types/Account.sol";
import {ExchangeFixture} from "./ExchangeFixture.sol";

/// @notice See Exchange.tree.
contract ExchangeTest is ExchangeFixture {
    uint256 private constant PARTS = 8;

    // ---- orders that cross

    function test_GivenTwoOrdersThatCross_WhenSettled_PositionsCashAndFeesMoveAsTheFillSays() public {
        IExchange.Fill memory fill = _plain();
        (fill.buyFee, fill.sellFee) = (4e18 + 1, 2e18);
        vm.expectEmit();
        emit IExchange.Filled(_hash(fill.buy), _hash(fill.sell), BTC_PERP, ONE, MARK, 4e18 + 1, 2e18);
        vm.expectEmit();
        emit IExchange.FeesPaid(_raw(_matcher), 45e17, 15e17 + 1);
        _settle(fill);
        assertEq(_size(_alice), 1e18);
        assertEq(_size(_bob), -1e18);
        assertEq(_ledger.cashOf(_alice), int256(uint256(CASH)) - 4e18 - 1);
        assertEq(_ledger.cashOf(_bob), int256(uint256(CASH)) - 2e18);
        assertEq(_ledger.cashOf(_matcher), 45e17);
        assertEq(_ledger.cashOf(_fund), 15e17 + 1, "the fund's share rounds up");
        assertEq(_ledger.clearing(), 0, "fees sum to zero");
    }

    function test_GivenTwoOrdersThatCross_WhenAnybodyBringsThem_TheySettle() public {
        IExchange.Fill[] memory fills = new IExchange.Fill[](1);
        fills[0] = _plain();
        vm.prank(makeAddr("anybody"));
        _exchange.settle(fills, _matcher, "");
        assertEq(_size(_alice), 1e18);
    }

    function test_GivenTwoOrdersThatCross_WhenThePriceIsAtALimitTheySettle_AUnitBeyondTheyDoNot() public {
        IExchange.Order memory buy = _order(_alice, 4e18, MARK + 10);
        IExchange.Order memory sell = _order(_bob, -4e18, MARK - 10);
        _settle(_fill(buy, sell, ONE, MARK + 10));
        _settle(_fill(buy, sell, ONE, MARK - 10));
        bytes4 error = IExchange.PriceOutsideLimit.selector;
        bytes32 hash = _exchange.hashOf(buy);
        _expectRevert(abi.encodeWithSelector(error, hash, MARK + 11, MARK + 10), _fill(buy, sell, ONE, MARK + 11));
        hash = _exchange.hashOf(sell);
        _expectRevert(abi.encodeWithSelector(error, hash, MARK - 11, MARK - 10), _fill(buy, sell, ONE, MARK - 11));
    }

    function test_GivenTwoOrdersThatCross_WhenAnOrderStandsOnTheOtherSide_ItReverts() public {
        IExchange.Order memory buy = _order(_alice, 1e18, MARK);
        IExchange.Order memory sell = _order(_bob, -1e18, MARK);
        IExchange.Order memory nothing = _order(_carol, 0, MARK);
        bytes4 error = IExchange.SideInvalid.selector;
        bytes32 hash = _exchange.hashOf(sell);
        bytes memory reason = abi.encodeWithSelector(error, hash, int128(-1e18), "above 0 to buy");
        _expectRevert(reason, _fill(sell, buy, ONE, MARK));
        reason = abi.encodeWithSelector(error, _exchange.hashOf(buy), int128(1e18), "below 0 to sell");
        _expectRevert(reason, _fill(_order(_carol, 1e18, MARK), buy, ONE, MARK));
        reason = abi.encodeWithSelector(error, _exchange.hashOf(nothing), int128(0), "above 0 to buy");
        _expectRevert(reason, _fill(nothing, sell, ONE, MARK));
        reason = abi.encodeWithSelector(error, _exchange.hashOf(nothing), int128(0), "below 0 to sell");
        _expectRevert(reason, _fill(buy, nothing, ONE, MARK));
    }

    function test_GivenTwoOrdersThatCross_WhenTheyNameDifferentInstruments_ItReverts() public {
        IExchange.Order memory buy = _order(_alice, 1e18, MARK);
        IExchange.Order memory sell = _order(_bob, -1e18, MARK);
        sell.instrument = ETH_PERP;
        (bytes32 bought, bytes32 sold) = (_exchange.hashOf(buy), _exchange.hashOf(sell));
        _expectRevert(
            abi.encodeWithSelector(IExchange.InstrumentsDiffer.selector, bought, sold),
            _fill(buy, sell, ONE, MARK)
        );
    }

    function test_GivenTwoOrdersThatCross_WhenNothingIsFilled_ItReverts() public {
        IExchange.Fill memory fill = _plain();
        fill.size = 0;
        _expectRevert(abi.encodeWithSelector(IExchange.SizeZero.selector, _hash(fill.buy)), fill);
    }

    function test_GivenNoFill_WhenSettled_ItReverts() public {
        vm.expectRevert(IExchange.FillsEmpty.selector);
        _settle(new IExchange.Fill[](0));
    }

    function test_GivenTwoOrdersThatCross_WhenItIsTheLastSecondTheySettle_LaterTheyDoNot() public {
        IExchange.Order memory buy = _order(_alice, 2e18, MARK);
        IExchange.Order memory sell = _order(_bob, -2e18, MARK);
        sell.expiry = buy.expiry + 1;
        vm.warp(buy.expiry);
        _price(BTC, MARK, MARK);
        _settle(_fill(buy, sell, ONE, MARK));
        vm.warp(buy.expiry + 1);
        bytes32 hash = _exchange.hashOf(buy);
        _expectRevert(
            abi.encodeWithSelector(IExchange.OrderExpired.selector, hash, buy.expiry, buy.expiry + 1),
            _fill(buy, sell, ONE, MARK)
        );
    }

    function test_GivenTwoOrdersThatCross_WhenAPerpetualsPriceIsAQuarterOfSpotToFourTimesIt_ItSettles_AUnitBeyondItDoesNot()
        public
    {
        (uint128 least, uint128 most) = (MARK / 4, MARK * 4);
        _expectUnreasonable(BTC_PERP, least - 1, least, most);
        _expectUnreasonable(BTC_PERP, most + 1, least, most);
        _expectUnreasonable(BTC_PERP, 1e36, least, most);
        // The account pays what is beyond the mark: only as much as it has.
        uint128 size = ONE / 1000;
        _settle(_fill(_order(_alice, 0.001e18, least), _order(_bob, -0.001e18, least), size, least));
        _settle(_fill(_order(_alice, 0.001e18, most), _order(_bob, -0.001e18, most), size, most));
        assertEq(_size(_alice), 0.002e18);
    }

    function test_GivenTwoOrdersThatCross_WhenAnOptionCostsMoreThanItCanBeWorth_ItReverts() public {
        uint40 expiry = ((_now() + 7 days) / 1 hours) * 1 hours;
        _list(BTC, expiry, MARK);
        _expectUnreasonable(_call(BTC, expiry, MARK), MARK * 4 + 1, 0, MARK * 4);
        _expectUnreasonable(_put(BTC, expiry, MARK), MARK + 1, 0, MARK);
    }

    function test_GivenTwoOrdersThatCross_WhenTheSpotIsStale_ItsLastValueBoundsThePrice() public {
        vm.warp(_now() + 30 days);
        _expectUnreasonable(BTC_PERP, MARK * 4 + 1, MARK / 4, MARK * 4);
    }

    function test_GivenTwoOrdersThatCross_WhenTheFeedOfTheSpotIsCleared_NothingTradesNotEvenAtZero() public {
        _settle(_plain());
        _list(BTC, EXPIRY, MARK);
        _feeds.halt(_spotId());
        _feeds.resume(_spotId(), true);
        uint256[3] memory instruments = [BTC_PERP, _call(BTC, EXPIRY, MARK), _put(BTC, EXPIRY, MARK)];
        for (uint256 i = 0; i < instruments.length; ++i) {
            IExchange.Order memory sell = _order(_alice, -1e18, 0);
            IExchange.Order memory buy = _order(_bob, 1e18, MARK);
            (sell.instrument, buy.instrument) = (instruments[i], instruments[i]);
            (sell.reduceOnly, buy.reduceOnly) = (i == 0, i == 0);
            _expectRevert(abi.encodeWithSelector(IExchange.SpotUnknown.selector, BTC), _fill(buy, sell, ONE, 0));
        }
    }

    function _expectUnreasonable(uint256 instrument, uint128 price, uint256 least, uint256 most) private {
        IExchange.Order memory buy = _order(_alice, 1e18, price);
        IExchange.Order memory sell = _order(_bob, -1e18, price);
        (buy.instrument, sell.instrument) = (instrument, instrument);
        (buy.expiry, sell.expiry) = (type(uint40).max, type(uint40).max);
        bytes memory reason = abi.encodeWithSelector(
            IExchange.PriceUnreasonable.selector,
            instrument,
            price,
            least,
            most
        );
        _expectRevert(reason, _fill(buy, sell, ONE, price));
    }

    function test_GivenTwoOrdersThatCross_WhenBothBelongToOneOwner_ItReverts() public {
        HubAccount other = AccountLib.encode(_alice.owner(), 0, 7);
        _deposit(other, CASH);
        IExchange.Fill memory fill = _fill(_order(_alice, 1e18, MARK), _order(other, -1e18, MARK), ONE, MARK);
        bytes memory reason = abi.encodeWithSelector(IExchange.SelfTrade.selector, _hash(fill.buy), _hash(fill.sell));
        _expectRevert(reason, fill);
    }

    function test_GivenOldPrices_WhenNewOnesComeAlong_TheyCount() public {
        vm.warp(_now() + 30 minutes);
        IExchange.Fill[] memory fills = new IExchange.Fill[](1);
        fills[0] = _plain();
        vm.expectPartialRevert(IMargin.PricesNotFresh.selector);
        _exchange.settle(fills, _matcher, "");
        _exchange.settle(fills, _matcher, _prices(_now(), MARK));
        assertEq(_size(_alice), 1e18);
    }

    // ---- parts

    function test_GivenPartsOfAnOrder_WhenTheyComeToTheWhole_NoMoreSettles() public {
        IExchange.Order memory buy = _order(_alice, 3e18, MARK);
        IExchange.Order memory sell = _order(_bob, -10e18, MARK);
        _settle(_fill(buy, sell, ONE, MARK));
        _settle(_fill(buy, sell, 2 * ONE, MARK));
        (uint128 filled, bool isCancelled, uint120 tag, bool isSpent) = _exchange.statusOf(_alice, buy.nonce);
        bytes32 hash = _exchange.hashOf(buy);
        assertEq(filled, 3 * ONE);
        assertFalse(isCancelled);
        assertFalse(isSpent);
        assertEq(tag, uint256(hash) >> 136);
        bytes memory reason = abi.encodeWithSelector(
            IExchange.OverFilled.selector,
            hash,
            uint256(3 * ONE),
            uint256(1),
            uint256(3 * ONE)
        );
        _expectRevert(reason, _fill(buy, sell, 1, MARK));
        assertEq(_size(_alice), 3e18);
    }

    function testFuzz_GivenPartsOfAnOrder_WhenEachHasAFee_AllTogetherStayWithinTheCap(
        uint64 amount,
        uint96 cap,
        uint64[PARTS] memory parts
    ) public {
        amount = uint64(bound(amount, 1, 5e18));
        IExchange.Order memory buy = _order(_alice, int128(uint128(amount)), MARK);
        IExchange.Order memory sell = _order(_bob, -100e18, MARK);
        buy.feeCap = cap % 1000e18;
        uint256 left = amount;
        int256 paid = _ledger.cashOf(_alice);
        for (uint256 i = 0; i < PARTS && left != 0; ++i) {
            IExchange.Fill memory fill = _fill(buy, sell, uint128(bound(parts[i], 1, left)), MARK);
            fill.buyFee = uint128((uint256(buy.feeCap) * fill.size) / amount);
            left -= fill.size;
            _settle(fill);
        }
        paid -= _ledger.cashOf(_alice);
        assertGe(paid, 0);
        assertLe(paid, int256(uint256(buy.feeCap)));
    }

    // ---- fees

    function test_GivenFees_WhenOneIsAboveTheCap_ItReverts() public {
        IExchange.Order memory buy = _order(_alice, 3e18, MARK);
        IExchange.Order memory sell = _order(_bob, -3e18, MARK);
        IExchange.Fill memory fill = _fill(buy, sell, ONE, MARK);
        uint128 most = FEE_CAP / 3;
        fill.buyFee = most + 1;
        _expectRevert(abi.encodeWithSelector(IExchange.FeeAboveCap.selector, _hash(fill.buy), most + 1, most), fill);
        (fill.buyFee, fill.sellFee) = (most, most + 1);
        _expectRevert(abi.encodeWithSelector(IExchange.FeeAboveCap.selector, _hash(fill.sell), most + 1, most), fill);
        fill.sellFee = most;
        _settle(fill);
    }

    function test_GivenFees_WhenThereIsNoFund_TheMatcherHasAll() public {
        _exchange.setFeeShares(HubAccount.wrap(0), 0);
        IExchange.Fill memory fill = _plain();
        fill.buyFee = 3;
        _settle(fill);
        assertEq(_ledger.cashOf(_matcher), 3);
    }

    function test_GivenNoMatcher_WhenThereIsAFee_OnlyFreeFillsSettle() public {
        IExchange.Fill[] memory fills = new IExchange.Fill[](1);
        fills[0] = _plain();
        fills[0].buyFee = 4;
        vm.expectRevert(abi.encodeWithSelector(IExchange.NotPermitted.selector, bytes32(0), address(this)));
        _exchange.settle(fills, HubAccount.wrap(0), "");
        fills[0].buyFee = 0;
        _exchange.settle(fills, HubAccount.wrap(0), "");
        assertEq(_size(_alice), 1e18);
    }

    function test_GivenFees_WhenTheFundsShareIsSet_ItIsAShare() public {
        bytes4 error = IExchange.FundShareInvalid.selector;
        vm.expectRevert(abi.encodeWithSelector(error, uint32(1e9 + 1), uint32(1e9)));
        _exchange.setFeeShares(_fund, 1e9 + 1);
        vm.expectRevert(abi.encodeWithSelector(error, uint32(1), uint32(0)));
        _exchange.setFeeShares(HubAccount.wrap(0), 1);
        _exchange.setFeeShares(_fund, 1e9);
        (HubAccount fund, uint32 share) = _exchange.feeShares();
        assertEq(_raw(fund), _raw(_fund));
        assertEq(share, 1e9);
        vm.prank(_alice.owner());
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, _alice.owner()));
        _exchange.setFeeShares(_alice, 1e9);
    }

    // ---- nonces

    function test_GivenANonce_WhenAnotherOrderHasUsedIt_ItReverts() public {
        IExchange.Order memory buy = _order(_alice, 2e18, MARK);
        IExchange.Order memory sell = _order(_bob, -4e18, MARK);
        _settle(_fill(buy, sell, ONE, MARK));
        buy.limit = MARK + 1;
        bytes memory reason = abi.encodeWithSelector(IExchange.NonceTaken.selector, _exchange.hashOf(buy), buy.nonce);
        _expectRevert(reason, _fill(buy, sell, ONE, MARK));
    }

    function test_GivenANonce_WhenOneFillFilledItsOrder_NeitherItNorAnotherSettles() public {
        IExchange.Order memory buy = _order(_alice, 1e18, MARK);
        IExchange.Order memory sell = _order(_bob, -4e18, MARK);
        _settle(_fill(buy, sell, ONE, MARK));
        (uint128 filled, bool isCancelled, uint120 tag, bool isSpent) = _exchange.statusOf(_alice, buy.nonce);
        assertEq(filled + tag, 0, "a bit instead of a slot");
        assertFalse(isCancelled);
        assertTrue(isSpent);
        bytes memory reason = abi.encodeWithSelector(IExchange.NonceSpent.selector, _exchange.hashOf(buy), buy.nonce);
        _expectRevert(reason, _fill(buy, sell, ONE, MARK));
        (buy.amount, buy.limit) = (2e18, MARK + 1);
        reason = abi.encodeWithSelector(IExchange.NonceSpent.selector, _exchange.hashOf(buy), buy.nonce);
        _expectRevert(reason, _fill(buy, sell, ONE, MARK));
        (, , tag, isSpent) = _exchange.statusOf(_bob, sell.nonce);
        assertFalse(isSpent, "parts are kept in a slot");
        assertEq(tag, uint256(_exchange.hashOf(sell)) >> 136);
    }

    function testFuzz_GivenANonce_WhenItsOrderIsFilled_NoOtherNonceIsSpent(uint256 nonce, uint256 other) public {
        vm.assume(nonce != other);
        IExchange.Order memory buy = _order(_alice, 1e18, MARK);
        buy.nonce = nonce;
        _settle(_fill(buy, _order(_bob, -1e18, MARK), ONE, MARK));
        (, , , bool isSpent) = _exchange.statusOf(_alice, nonce);
        assertTrue(isSpent);
        (, , , isSpent) = _exchange.statusOf(_alice, other);
        assertFalse(isSpent);
        (, , , isSpent) = _exchange.statusOf(_alice, nonce ^ (1 << (other & 0xff)));
        assertFalse(isSpent);
        buy.nonce = other;
        _settle(_fill(buy, _order(_bob, -1e18, MARK), ONE, MARK));
    }

    function test_GivenANonce_WhenAnotherAccountUsesIt_BothSettle() public {
        IExchange.Order memory buy = _order(_alice, 1e18, MARK);
        IExchange.Order memory sell = _order(_bob, -1e18, MARK);
        sell.nonce = buy.nonce;
        _settle(_fill(buy, sell, ONE, MARK));
        assertEq(_size(_bob), -1e18);
    }

    function test_GivenANonce_WhenCancelledByTheOwnerOrAKeyThatTrades_NothingMoreSettles() public {
        address key = _addKey("key");
        vm.prank(_bob.owner(), _bob.owner());
        _delegates.setDelegate(_bob, key, TRADE, type(uint40).max);
        IExchange.Order memory buy = _order(_alice, 2e18, MARK);
        IExchange.Order memory sell = _order(_bob, -2e18, MARK);
        _settle(_fill(buy, sell, ONE, MARK));
        vm.expectEmit();
        emit IExchange.Cancelled(_raw(_alice), buy.nonce);
        vm.prank(_alice.owner(), _alice.owner());
        _exchange.cancel(_alice, buy.nonce);
        bytes32 hash = _exchange.hashOf(buy);
        _expectRevert(abi.encodeWithSelector(IExchange.OrderCancelled.selector, hash), _fill(buy, sell, ONE, MARK));
        vm.prank(key, key);
        _exchange.cancel(_bob, sell.nonce);
        hash = _exchange.hashOf(sell);
        buy = _order(_alice, 2e18, MARK);
        _expectRevert(abi.encodeWithSelector(IExchange.OrderCancelled.selector, hash), _fill(buy, sell, ONE, MARK));
        (uint128 filled, bool isCancelled, , ) = _exchange.statusOf(_bob, sell.nonce);
        assertEq(filled, ONE, "what is settled stays on record");
        assertTrue(isCancelled);
    }

    function test_GivenANonce_WhenASignatureCancelsIt_AnyoneBringsIt() public {
        IExchange.Fill memory fill = _plain();
        uint256 nonce = fill.buy.order.nonce;
        bytes32 body = keccak256(abi.encode(keccak256("Cancel(bytes32 account,uint256 nonce)"), _raw(_alice), nonce));
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Lockstep Exchange"),
                keccak256("1"),
                block.chainid,
                address(_exchange)
            )
        );
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", domain, body));
        bytes memory bobs = _signature(_secrets[_bob.owner()], digest);
        vm.expectRevert(abi.encodeWithSelector(IExchange.SignatureInvalid.selector, digest, _bob.owner()));
        _exchange.cancelSigned(_alice, nonce, _bob.owner(), bobs);
        vm.prank(makeAddr("anybody"));
        _exchange.cancelSigned(_alice, nonce, _alice.owner(), _signature(_secrets[_alice.owner()], digest));
        _expectRevert(abi.encodeWithSelector(IExchange.OrderCancelled.selector, _hash(fill.buy)), fill);
    }

    function test_GivenANonce_WhenAStrangerCancelsIt_ItReverts() public {
        address bob = _bob.owner();
        vm.prank(bob, bob);
        vm.expectRevert(abi.encodeWithSelector(IExchange.NotPermitted.selector, _raw(_alice), bob));
        _exchange.cancel(_alice, 1);
    }

    // ---- reduce-only

    function test_GivenReduceOnlyOrders_WhenNearerToZeroTheySettle_PastItOrAwayTheyDoNot() public {
        _settle(_plain());
        bytes4 error = IExchange.NotReduced.selector;
        IExchange.Fill memory fill = _fill(_reduce(_alice, 2e18, MARK), _order(_bob, -2e18, MARK), ONE, MARK);
        _expectRevert(abi.encodeWithSelector(error, _hash(fill.buy)), fill);
        fill = _fill(_order(_bob, 2e18, MARK), _reduce(_alice, -2e18, MARK), 2 * ONE, MARK);
        _expectRevert(abi.encodeWithSelector(error, _hash(fill.sell)), fill);
        fill = _fill(_reduce(_bob, 2e18, MARK), _reduce(_alice, -2e18, MARK), ONE, MARK);
        _settle(fill);
        assertEq(_size(_alice), 0);
        _expectRevert(abi.encodeWithSelector(error, _hash(fill.buy)), fill);
    }

    function test_GivenAnUnhealthyAccount_WhenItReduces_OnlyReduceOnlyOrdersSettle() public {
        _settle(_fill(_order(_alice, 10e18, MARK), _order(_bob, -10e18, MARK), 10 * ONE, MARK));
        _cash(_alice, 20_000e18);
        IExchange.Fill memory fill = _fill(_order(_bob, 1e18, MARK), _order(_alice, -1e18, MARK), ONE, MARK);
        bytes memory reason = abi.encodeWithSelector(
            IMargin.BelowInitialMargin.selector,
            _raw(_alice),
            20_000e18,
            27_000e18,
            16_200e18,
            Grade.Fresh
        );
        _expectRevert(reason, fill);
        _settle(_fill(_order(_bob, 1e18, MARK), _reduce(_alice, -1e18, MARK), ONE, MARK));
        assertEq(_size(_alice), 9e18);
    }

    function test_GivenAReduceOnlyOrder_WhenAnotherOfTheCallOpens_TheAccountIsJudgedAsOneThatOpens() public {
        _settle(_fill(_order(_alice, 10e18, MARK), _order(_bob, -10e18, MARK), 10 * ONE, MARK));
        _cash(_alice, 20_000e18);
        IExchange.Fill memory less = _fill(_order(_bob, 2e18, MARK), _reduce(_alice, -2e18, MARK), 2 * ONE, MARK);
        IExchange.Fill memory more = _fill(_order(_alice, 1e18, MARK), _order(_carol, -1e18, MARK), ONE, MARK);
        IExchange.Fill[] memory fills = new IExchange.Fill[](2);
        (fills[0], fills[1]) = (less, more);
        vm.expectPartialRevert(IMargin.BelowInitialMargin.selector);
        _exchange.settle(fills, _matcher, "");
        (fills[0], fills[1]) = (more, less);
        vm.expectPartialRevert(IMargin.BelowInitialMargin.selector);
        _exchange.settle(fills, _matcher, "");
        _settle(less);
    }

    // ---- batches

    function test_GivenABatch_WhenAnAccountComesThroughSeveralFills_ItIsJudgedAsItStandsAfterAll() public {
        _cash(_alice, 100e18);
        IExchange.Fill memory bought = _fill(_order(_alice, 10e18, MARK), _order(_bob, -10e18, MARK), 10 * ONE, MARK);
        IExchange.Fill memory sold = _fill(_order(_carol, 10e18, MARK), _order(_alice, -10e18, MARK), 10 * ONE, MARK);
        vm.expectPartialRevert(IMargin.BelowInitialMargin.selector);
        _settle(bought);
        (bought.buyFee, sold.sellFee) = (60e18, 40e18);
        _settle(bought, sold);
        assertEq(_size(_alice), 0);
        assertEq(_size(_bob), -10e18);
        assertEq(_size(_carol), 10e18);
        assertEq(_ledger.cashOf(_alice), 0);
    }

    function test_GivenABatch_WhenOneFillIsBad_NoneSettles() public {
        IExchange.Fill memory good = _plain();
        IExchange.Fill memory bad = _fill(_order(_carol, 1e18, MARK), _order(_bob, -1e18, MARK), 2 * ONE, MARK);
        vm.expectPartialRevert(IExchange.OverFilled.selector);
        _settle(good, bad);
        (uint128 filled, , uint120 tag, bool isSpent) = _exchange.statusOf(_alice, good.buy.order.nonce);
        assertEq(filled, 0);
        assertEq(tag, 0);
        assertFalse(isSpent);
        assertEq(_size(_alice), 0);
    }

    // ---- pause

    function test_GivenThePause_WhenPaused_NothingSettlesButCancellingWorks() public {
        IExchange.Fill memory fill = _plain();
        vm.expectEmit();
        emit IExchange.Paused(true);
        _exchange.pause();
        _expectRevert(abi.encodeWithSelector(IExchange.ExchangePaused.selector), fill);
        vm.prank(_alice.owner(), _alice.owner());
        _exchange.cancel(_alice, 77);
        (, bool isCancelled, , ) = _exchange.statusOf(_alice, 77);
        assertTrue(isCancelled);
        assertTrue(_exchange.isPaused());
        _exchange.unpause();
        _settle(fill);
        assertEq(_size(_alice), 1e18);
    }

    function test_GivenAStranger_WhenHePauses_ItReverts() public {
        vm.startPrank(_alice.owner());
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, _alice.owner()));
        _exchange.pause();
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, _alice.owner()));
        _exchange.unpause();
    }
}
