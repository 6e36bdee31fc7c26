// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Account} from "../../types/Account.sol";
import {Wad} from "../risk/Wad.sol";
import {Expiries} from "./Expiries.sol";
import {IMarkets} from "./IMarkets.sol";
import {Instrument} from "./Instrument.sol";
import {Series} from "./Listing.sol";
import {Market} from "./MarketTerms.sol";
import {OptionWords} from "./OptionWords.sol";

/// @notice Two accounts, one instrument, a size and a price.
abstract contract Trades is Expiries {
    uint256 private constant WAD = 1e18;

    /// @inheritdoc IMarkets
    function trade(
        Account buyer,
        Account seller,
        uint256 instrument,
        uint128 size,
        uint128 price
    ) external onlyModule returns (bool buyerReduced, bool sellerReduced) {
        require(Account.unwrap(buyer) != Account.unwrap(seller), SameAccount(Account.unwrap(buyer)));
        require(Instrument.isWellFormed(instrument), InstrumentInvalid(instrument, "a perpetual or an option series"));
        require(size != 0, SizeInvalid(instrument, size, "above 0"));
        uint16 underlying = Instrument.underlying(instrument);
        Standing standing = _standing(_markets[underlying].state);
        require(standing != Standing.Closed, UnderlyingNotOpen(underlying, standing));
        _settleExpired(buyer, underlying);
        _settleExpired(seller, underlying);
        (buyerReduced, sellerReduced) = Instrument.isPerpetual(instrument)
            ? _tradePerpetual(buyer, seller, underlying, size, price)
            : _tradeOption(buyer, seller, instrument, size, price);
        require(standing == Standing.Open || (buyerReduced && sellerReduced), UnderlyingNotOpen(underlying, standing));
        emit Traded(Account.unwrap(buyer), Account.unwrap(seller), instrument, size, price);
    }

    function _tradePerpetual(
        Account buyer,
        Account seller,
        uint16 underlying,
        uint128 size,
        uint128 price
    ) private returns (bool buyerReduced, bool sellerReduced) {
        int256 index = _touch(underlying);
        // CAST: both below 2^128.
        int256 change = int256(uint256(size));
        int256 value = change * int256(uint256(price));
        int256 grown;
        int256 more;
        (buyerReduced, grown) = _perpetualSide(buyer, underlying, change, Wad.floorDiv(-value, Wad.ONE), index);
        (sellerReduced, more) = _perpetualSide(seller, underlying, -change, Wad.floorDiv(value, Wad.ONE), index);
        _growPerpetual(underlying, grown + more);
    }

    /// @return reduced whether |position| fell and did not change sides
    /// @return grown   what is held long
    function _perpetualSide(
        Account account,
        uint16 underlying,
        int256 change,
        int256 leg,
        int256 index
    ) internal returns (bool reduced, int256 grown) {
        (int256 before, int256 cash) = _movePerpetual(account, underlying, change, leg, index);
        if (cash != 0) ledger.changeCash(account, cash);
        return _compare(before, change);
    }

    function _tradeOption(
        Account buyer,
        Account seller,
        uint256 instrument,
        uint128 size,
        uint128 price
    ) private returns (bool buyerReduced, bool sellerReduced) {
        // CAST: both below 2^128.
        int256 units = int256(uint256(size));
        require(units % OptionWords.LOT == 0, SizeInvalid(instrument, size, "a multiple of 0.001"));
        require(Instrument.expiry(instrument) > block.timestamp, SeriesExpired(instrument, block.timestamp));
        Series storage listed = _series[Instrument.seriesKey(instrument)];
        require(listed.place != 0, SeriesUnknown(instrument));
        uint256 series = (uint256(listed.place - 1) << 1) | (Instrument.isPut(instrument) ? 1 : 0);
        uint16 underlying = Instrument.underlying(instrument);
        int256 lots = units / OptionWords.LOT;
        int256 grown;
        int256 more;
        (buyerReduced, grown) = _compare(_moveOption(buyer, underlying, series, lots), lots);
        (sellerReduced, more) = _compare(_moveOption(seller, underlying, series, -lots), -lots);
        _growOption(underlying, listed, series & 1 == 1, grown + more);
        // CAST: below 2^197.
        int256 premium = int256((uint256(size) * price) / WAD);
        if (premium == 0) return (buyerReduced, sellerReduced);
        ledger.changeCash(buyer, -premium);
        ledger.changeCash(seller, premium);
    }

    /// @dev What a change of a position means.
    function _compare(int256 before, int256 change) internal pure returns (bool reduced, int256 grown) {
        // Both of at most 129 bits.
        unchecked {
            int256 size = before + change;
            reduced = before > 0 ? size >= 0 && size < before : size <= 0 && size > before;
            grown = Wad.max(size, 0) - Wad.max(before, 0);
        }
    }

    // ---- what is open

    /// @dev What is held long changed by `grown`; the cap binds a rise.
    function _growPerpetual(uint16 underlying, int256 grown) internal {
        if (grown == 0) return;
        Market storage market = _markets[underlying];
        // CAST: a sum of longs, as it was and with what changed of them.
        uint256 open = uint256(int256(uint256(market.open)) + grown);
        require(grown < 0 || open <= market.openCap, OpenInterestCap(underlying, open, market.openCap));
        market.open = uint104(open);
    }

    /// @dev The same of a series.
    function _growOption(uint16 underlying, Series storage series, bool isPut, int256 grown) internal {
        if (grown == 0) return;
        Market storage market = _markets[underlying];
        // CAST: a sum of longs, as it was and with what changed of them; a series is part of it.
        uint256 open = uint256(int256(uint256(market.lots)) + grown);
        require(grown < 0 || open <= market.lotCap, OpenInterestCap(underlying, open, market.lotCap));
        market.lots = uint40(open);
        if (isPut) series.puts = uint40(uint256(int256(uint256(series.puts)) + grown));
        else series.calls = uint40(uint256(int256(uint256(series.calls)) + grown));
    }
}
