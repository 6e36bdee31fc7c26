// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ILiquidation} from "../../src/hub/liquidation/ILiquidation.sol";
import {Risk} from "../../src/hub/risk/IRiskEngine.sol";
import {OptionsFixture} from "./OptionsFixture.sol";

/// @notice See SmallShares.tree. carol bids.
contract SmallSharesTest is OptionsFixture {
    /// @dev Price and value are rounded once for each position and balance, in units of 1e-18; quotes once more.
    int256 private constant ROUNDINGS = 1000;
    /// @dev 2^128 − 1 for one unit of 1e-18: 340 of cash and some.
    uint128 private constant ANY_PRICE = type(uint128).max;

    // ---- options: whole lots

    /// @dev She is short one lot of each of 128 calls. A share below half a lot used to move nothing and was paid for, for ever.
    function test_GivenOneLotOfEachOption_WhenBidAgainAndAgainForLessThanHalfALot_TheFundPaysForWhatIsTakenAlone()
        public
    {
        for (uint256 i; i < MOST; ++i) _markets.trade(_bob, _alice, _callAt(i), LOT, 0);
        int256 missing = -_margin.riskOf(_alice).equity;
        assertGt(missing, 2000e18);
        _start(_alice);
        assertEq(_fund.insolventOpen(), 1);
        int256 carol = _margin.riskOf(_carol).equity;
        (uint256 bids, int256 paid) = _bidUntilRefused(0.4999e18, 800);
        assertLe(paid, missing, "no more than was missing");
        assertLe(_margin.riskOf(_carol).equity, carol + ROUNDINGS, "nobody gains in the second of the insolvency");
        assertEq(_ledger.cashOf(_liquidation.deficitAccount(BTC)), 0);
        assertLt(bids, 800, "refused in the end");
    }

    /// @dev Just below and just above half a lot: shorts go up to whole lots, what she holds stays.
    function test_GivenLongsAndShorts_WhenBidAroundHalfALot_NobodyTakesTheOneAndLeavesTheOther() public {
        for (uint256 i; i < 64; ++i) _markets.trade(_bob, _alice, _callAt(i), LOT, 0);
        for (uint256 i = 64; i < MOST; ++i) _markets.trade(_alice, _bob, _callAt(i), LOT, 0);
        uint64[4] memory shares = [uint64(0.4999e18), 0.5e18 - 1, 0.5e18, 0.5001e18];
        for (uint256 i; i < shares.length; ++i) {
            uint256 state = vm.snapshotState();
            _cash(_alice, i % 2 == 0 ? int256(-500e18) : int256(40e18));
            _start(_alice);
            _judge(shares[i]);
            assertEq(_markets.sizeOf(_carol, _callAt(0)), -int256(uint256(LOT)), "a whole lot of what is owed");
            assertEq(_markets.sizeOf(_carol, _callAt(64)), 0, "none of what is owned");
            vm.revertToState(state);
        }
    }

    // ---- perpetuals: units of 1e-18

    /// @dev The exchange knows no bounds of price. All but 1e-18 of everything used to leave the perpetual and its loss behind, and was paid for it.
    function test_GivenAPerpetualOfOneUnitAtAnyPrice_WhenBidAgainAndAgainForAlmostAll_TheFundPaysOnce() public {
        _markets.trade(_alice, _bob, BTC_PERP, 1, ANY_PRICE);
        _cash(_alice, -100e18);
        _start(_alice);
        int256 missing = -_margin.riskOf(_alice).equity;
        assertGt(missing, 440e18);
        int256 carol = _margin.riskOf(_carol).equity;
        (, int256 paid) = _bidUntilRefused(1e18 - 1, 50);
        assertLe(paid, missing);
        assertLe(_margin.riskOf(_carol).equity, carol + ROUNDINGS);
        assertEq(_markets.sizeOf(_carol, BTC_PERP), 1, "with its loss");
    }

    /// @dev The other side of it gains: an account keeps what it cannot give a part of.
    function test_GivenAPerpetualOfOneUnitWithAGain_WhenBidForAlmostAll_TheAccountKeepsIt() public {
        _markets.trade(_bob, _alice, BTC_PERP, 1, ANY_PRICE);
        _markets.trade(_alice, _bob, ETH_PERP, 1000e18, 3000e18);
        _cash(_alice, 60_000e18);
        _start(_alice);
        _judge(1e18 - 1);
        assertEq(_markets.sizeOf(_carol, BTC_PERP), 0);
    }

    // ---- properties

    /// @dev Options of one to three lots on either side, perpetuals next to nothing at any price, both legs, any share: what is left of what was for
    ///      sale, or of what was missing, is its share of it, but for whole units that the account parts with or keeps.
    function testFuzz_GivenFewUnitsOfEverything_WhenBid_TheAccountGivesAndKeepsItsShare(
        uint256 seed,
        uint64 share,
        uint8 magnitude,
        bool solvent
    ) public {
        for (uint256 i; i < 24; ++i) {
            uint256 drawn = uint256(keccak256(abi.encode(seed, i)));
            uint128 size = LOT * uint128(1 + (drawn % 3));
            uint256 instrument = drawn & 8 == 0 ? _callAt(i) : _callAt(i) + 1;
            if (drawn & 16 == 0) _markets.trade(_alice, _bob, instrument, size, 0);
            else _markets.trade(_bob, _alice, instrument, size, 0);
        }
        uint128 tiny = uint128(1 + ((seed >> 8) % 3));
        if (seed & 1 == 0) _markets.trade(_alice, _bob, BTC_PERP, tiny, ANY_PRICE);
        else _markets.trade(_bob, _alice, BTC_PERP, tiny, uint128(seed >> 128));
        Risk memory risk = _margin.riskOf(_alice);
        int256 goal = solvent ? int256(risk.maintenanceMargin / 2) : -int256(risk.maintenanceMargin / 2) - 1e18;
        _ledger.changeCash(_alice, goal - risk.equity);
        _start(_alice);
        uint256 most = 10 ** (1 + (uint256(magnitude) % 18));
        _judge(uint64(bound(share, 1, most)));
        if (_liquidation.auctionOf(_alice).id != 0 && _healthOf(_alice) < 0) _judge(uint64(bound(seed, 1, most)));
    }

    // ---- inner

    /// @dev One bid of carol's, judged by the books.
    function _judge(uint64 share) private {
        int256 before = _forSale();
        int256 reserve = int256(uint256(_liquidation.auctionOf(_alice).reserve));
        int256 carol = _margin.riskOf(_carol).equity;
        (uint256 taken, int256 price) = _bid(_carol, share);
        if (price >= 0) reserve += price;
        else reserve -= -price < reserve ? -price : reserve;
        int256 left = _margin.riskOf(_alice).equity - reserve;
        int256 expected = (before * (1e18 - int256(taken))) / 1e18;
        assertGe(left, expected - ROUNDINGS, "the account keeps its share");
        assertLe(left, expected + _units(), "and gives its share, but for whole units");
        int256 offered = before > 0 ? before - (before * 95) / 100 : int256(0);
        int256 gained = _margin.riskOf(_carol).equity - carol;
        assertLe(gained, (int256(taken) * offered) / 1e18 + ROUNDINGS, "no more than is offered");
    }

    function _forSale() private view returns (int256) {
        return _margin.riskOf(_alice).equity - int256(uint256(_liquidation.auctionOf(_alice).reserve));
    }

    /// @dev The most that units which are not parted come to: a lot of each option at 30 and less, a unit of the perpetual.
    function _units() private pure returns (int256) {
        return int256(MOST) * 30e18 + int256(uint256(ANY_PRICE) / 1e18);
    }

    /// @return bids that were taken
    /// @return paid  what the fund paid
    function _bidUntilRefused(uint64 share, uint256 most) private returns (uint256 bids, int256 paid) {
        int256 fund = _ledger.cashOf(_fund.account());
        for (; bids < most; ++bids) {
            try this.bidOfCarol(share) {} catch (bytes memory reason) {
                bytes4 selector = bytes4(reason);
                assertTrue(
                    selector == ILiquidation.AuctionNotOpen.selector ||
                        selector == ILiquidation.HealthyAccount.selector ||
                        selector == ILiquidation.ShareNotTaken.selector,
                    "another refusal"
                );
                break;
            }
        }
        paid = fund - _ledger.cashOf(_fund.account());
    }

    function bidOfCarol(uint64 share) external {
        _bid(_carol, share);
    }
}
