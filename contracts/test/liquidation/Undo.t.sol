// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ILiquidation} from "../../src/hub/liquidation/ILiquidation.sol";
import {IMarkets} from "../../src/hub/markets/IMarkets.sol";
import {Account as HubAccount} from "../../src/types/Account.sol";
import {LiquidationFixture} from "./LiquidationFixture.sol";

/// @notice See Undo.tree. alice is long 100 BTC at 60,000 with 300,000 in cash: below maintenance margin from 58,762 on.
contract UndoTest is LiquidationFixture {
    function test_GivenANewerPriceDatedBeforeTheStart_WhenUndone_TheFeeGoesBack() public {
        int256 cash = _ledger.cashOf(_alice);
        _priceBtc(58_500e18);
        vm.warp(vm.getBlockTimestamp() + 20);
        uint256[] memory books = _startedWith();
        uint40 before = uint40(vm.getBlockTimestamp()) - 10;
        vm.warp(vm.getBlockTimestamp() + 5);
        _liquidation.undo(_alice, books, _signedBtc(before, 59_500e18));
        assertEq(_liquidation.auctionOf(_alice).id, 0);
        assertEq(_ledger.cashOf(_alice), cash);
    }

    function test_GivenAMuchLaterPriceOrAnUnhealthyOne_WhenUndone_ItReverts() public {
        _priceBtc(58_500e18);
        vm.warp(vm.getBlockTimestamp() + 20);
        uint256[] memory books = _startedWith();
        uint40 time = uint40(vm.getBlockTimestamp());
        vm.warp(time + 5);
        bytes memory unhealthy = _signedBtc(time - 10, 58_400e18);
        vm.expectPartialRevert(ILiquidation.UndoInvalid.selector);
        _liquidation.undo(_alice, books, unhealthy);
        vm.expectPartialRevert(ILiquidation.UndoInvalid.selector);
        _liquidation.undo(_alice, books, "");
        vm.warp(time + 61);
        bytes memory late = _signedBtc(time + 61, 59_500e18);
        _expectLate(time + 61);
        _liquidation.undo(_alice, books, late);
    }

    /// @dev With the snapshot of a wick a start, and in the same transaction one dated ahead: no earlier one is taken any more.
    function test_GivenAStarterWhoHandsInALaterPriceAtOnce_WhenThePriceHasRecovered_TheStartIsUndone() public {
        int256 cash = _ledger.cashOf(_alice);
        _priceBtc(58_500e18);
        vm.warp(vm.getBlockTimestamp() + 40);
        uint256[] memory books = _startedWith();
        uint40 time = uint40(vm.getBlockTimestamp());
        _margin.submit(_signedBtc(time + 4, 59_500e18));
        _margin.submit(_signedBtc(time - 1, 59_400e18));
        assertEq(_feeds.point(_spotId()).time, time + 4, "no earlier one is taken");
        vm.warp(time + 6);
        _liquidation.undo(_alice, books, _signedBtc(time + 6, 59_300e18));
        assertEq(_liquidation.auctionOf(_alice).id, 0);
        assertEq(_ledger.cashOf(_alice), cash, "with the fee");
    }

    /// @dev The starter, or who earns by the fee, bids next to nothing a second later.
    function test_GivenBids_WhenThePricesWereOthers_TheStartIsUndoneAllTheSame() public {
        _priceBtc(58_500e18);
        vm.warp(vm.getBlockTimestamp() + 20);
        uint256[] memory books = _startedWith();
        uint256 fee = _liquidation.auctionOf(_alice).fee;
        uint40 time = uint40(vm.getBlockTimestamp());
        vm.warp(time + 1);
        (, int256 price) = _bid(_carol, 1e12);
        int256 cash = _ledger.cashOf(_alice);
        _liquidation.undo(_alice, books, _signedBtc(time - 1, 59_500e18));
        assertEq(_liquidation.auctionOf(_alice).id, 0);
        assertEq(_ledger.cashOf(_alice), cash + int256(fee));
        assertGt(price, 0, "what was bought stays bought");
    }

    /// @dev An owner who was below at every price there was cannot top up, or sell to a friend, to have been above.
    function test_GivenAnAccountThatWasBelow_WhenToppedUpOrReducedSince_NothingIsUndone() public {
        _priceBtc(58_500e18);
        vm.warp(vm.getBlockTimestamp() + 20);
        uint256[] memory books = _startedWith();
        uint40 time = uint40(vm.getBlockTimestamp());
        _ledger.changeCash(_alice, 1_000_000e18);
        bytes memory prices = _signedBtc(time - 10, 58_490e18);
        vm.expectPartialRevert(ILiquidation.UndoInvalid.selector);
        _liquidation.undo(_alice, books, prices);
        _markets.trade(_bob, _alice, BTC_PERP, 90e18, 58_500e18);
        vm.expectPartialRevert(ILiquidation.UndoInvalid.selector);
        _liquidation.undo(_alice, books, prices);
        uint256[] memory others = _markets.holdingsOf(_alice);
        vm.expectPartialRevert(ILiquidation.BooksInvalid.selector);
        _liquidation.undo(_alice, others, prices);
        // Nor another way of valuing the same: it is valued in the mode it had.
        _as(_alice);
        _margin.setMode(_alice, IMarkets.Mode.Isolated, "");
        vm.expectPartialRevert(ILiquidation.UndoInvalid.selector);
        _liquidation.undo(_alice, books, prices);
        books[0] = _inMode(books[0], IMarkets.Mode.Isolated);
        vm.expectPartialRevert(ILiquidation.BooksInvalid.selector);
        _liquidation.undo(_alice, books, prices);
        _liquidation.end(_alice, "");
        assertGt(_ledger.cashOf(_fund.account()), 1_000_000e18, "the fee is the fund's");
    }

    /// @dev What he has done since is nothing of the start.
    function test_GivenAStartOnAHealthyAccount_WhenItsModeHasChangedSince_ItIsUndone() public {
        _priceBtc(58_500e18);
        vm.warp(vm.getBlockTimestamp() + 20);
        uint256[] memory books = _startedWith();
        uint40 time = uint40(vm.getBlockTimestamp());
        _ledger.changeCash(_alice, 1_000_000e18);
        _as(_alice);
        _margin.setMode(_alice, IMarkets.Mode.Isolated, "");
        vm.warp(time + 1);
        _liquidation.undo(_alice, books, _signedBtc(time - 1, 59_500e18));
        assertEq(_liquidation.auctionOf(_alice).id, 0);
    }

    /// @dev With the discount of the auction before it; nothing is left of one that had none.
    function test_GivenAnAuctionThatWentOn_WhenUndone_TheNextGoesOnAsWell() public {
        _priceBtc(58_500e18);
        _start(_alice);
        vm.warp(vm.getBlockTimestamp() + 599);
        _priceBtc(61_000e18);
        _liquidation.end(_alice, "");
        vm.warp(vm.getBlockTimestamp() + 900);
        _priceBtc(58_400e18);
        vm.warp(vm.getBlockTimestamp() + 20);
        uint256[] memory books = _markets.holdingsOf(_alice);
        _liquidation.start(_alice, "");
        uint40 time = uint40(vm.getBlockTimestamp());
        ILiquidation.Auction memory second = _liquidation.auctionOf(_alice);
        uint40 age = time - second.startedAt;
        assertApproxEqAbs(age, 600, 2);
        vm.warp(time + 5);
        _liquidation.undo(_alice, books, _signedBtc(time - 1, 61_000e18));
        vm.warp(time + 1799);
        _priceBtc(58_300e18);
        assertEq(vm.getBlockTimestamp(), time + 1800);
        uint256 state = vm.snapshotState();
        _liquidation.start(_alice, "");
        ILiquidation.Auction memory third = _liquidation.auctionOf(_alice);
        assertEq(third.openedAt - third.startedAt, age, "as old as it was");
        assertEq(third.fee, 0, "paid once");
        vm.revertToState(state);
        _priceBtc(58_300e18);
        _liquidation.start(_alice, "");
        third = _liquidation.auctionOf(_alice);
        assertEq(third.openedAt, third.startedAt, "too late");
        assertGt(third.fee, 0);
    }

    /// @dev Twenty bytes: both sides of a collision would be the owner's to choose.
    function test_GivenAStart_ItKeepsTwentyBytesOfTheHashOfWhatWasHeld() public {
        _priceBtc(58_500e18);
        vm.warp(vm.getBlockTimestamp() + 20);
        uint256[] memory books = _startedWith();
        bytes20 kept = _liquidation.auctionOf(_alice).books;
        assertEq(kept, bytes20(keccak256(abi.encodePacked(books))));
        books[0] ^= 1;
        bytes memory refusal = abi.encodeWithSelector(
            ILiquidation.BooksInvalid.selector,
            _alice,
            bytes20(keccak256(abi.encodePacked(books))),
            kept
        );
        vm.expectRevert(refusal);
        _liquidation.undo(_alice, books, "");
    }

    function test_GivenCollateralPricedMuchLater_WhenUndone_ItReverts() public {
        _collateralOf(_alice, OTHER, WETH, _wethId, 1e18);
        _priceBtc(58_500e18);
        _price(ETH, 3000e18, 3000e18);
        vm.warp(vm.getBlockTimestamp() + 20);
        uint256[] memory books = _startedWith();
        uint40 time = uint40(vm.getBlockTimestamp());
        vm.warp(time + 61);
        _price(ETH, 3000e18, 3000e18);
        bytes memory healthy = _signedBtc(time - 10, 59_500e18);
        _expectLate(time + 61);
        _liquidation.undo(_alice, books, healthy);
    }

    function _expectLate(uint256 priced) private {
        vm.expectRevert(
            abi.encodeWithSelector(
                ILiquidation.UndoInvalid.selector,
                HubAccount.unwrap(_alice),
                priced,
                "prices dated within a minute of the start"
            )
        );
    }

    function _inMode(uint256 head, IMarkets.Mode mode) private pure returns (uint256) {
        return (head & ~(uint256(3) << 193)) | (uint256(mode) << 193);
    }

    /// @return books what alice holds as her auction starts
    function _startedWith() private returns (uint256[] memory books) {
        books = _markets.holdingsOf(_alice);
        vm.expectEmit(address(_liquidation));
        emit ILiquidation.StartedWith(1, books);
        _liquidation.start(_alice, "");
    }
}
