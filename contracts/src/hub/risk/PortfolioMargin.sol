// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Requirement} from "./Haircuts.sol";
import {Holdings} from "./Holdings.sol";
import {SheetRows} from "./SheetRows.sol";
import {Wad} from "./Wad.sol";

/// @title Portfolio margin from the rows of a sheet: 37 scenarios and the charges beside them
/// @notice Constants are those of shared/src/risk/parameters/lockstep.json. Money and sizes have 18 decimals; roundings are against the
/// account. Twin, bit for bit: shared/src/risk/fixed/portfolio-margin.ts.
library PortfolioMargin {
    /// @param sheet       rows of the options' strikes, see SheetRows
    /// @param options     option words as holdings have them
    /// @param followers   value of collateral priced by this underlying
    /// @param confidence  18 decimals
    /// @param group       0: offsets with nothing
    /// @param correlation within the group, 18 decimals, at most 0.75
    struct Underlying {
        int256 spot;
        int256 perpetualSize;
        int256 perpetualMark;
        int256 perpetualProfit;
        int256 followers;
        int256 confidence;
        uint256 group;
        int256 correlation;
        uint256[] sheet;
        uint256[] options;
    }

    /// @param collateral value of all of it
    /// @param settlementPrice of settlement cash, 18 decimals
    struct Account {
        int256 cash;
        int256 collateral;
        Requirement haircuts;
        int256 settlementPrice;
        int256 initialFactor;
        int256 maxLeverage;
        Underlying[] underlyings;
    }

    struct Result {
        int256 equity;
        int256 initialMargin;
        int256 maintenanceMargin;
        int256 unrealisedGain;
        uint256 worstScenario;
    }

    /// @dev Of one underlying's options: profits in 1/UNIT, then what the charges need.
    struct Options {
        int256[39] profits;
        int256 basis;
        int256 mark;
        int256 naked;
        int256 net;
        int256 gross;
    }

    uint256 internal constant SCENARIOS = 37;
    /// @notice Most lots an expiry may hold, calls and puts, long and short together: no lane can carry below it.
    uint256 internal constant MAX_GROSS = 1 << 30;
    int256 private constant UNIT = 1000 << 31;
    int256 private constant MAINTENANCE = 0.8e18;
    uint256 private constant EVEN = 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff;
    uint256 private constant BIAS = 0x8000000000000000800000000000000080000000000000008000000000000000;

    error ExpiryTooLarge(uint256 expiry, uint256 lots, uint256 most);
    error PlaceMissing(uint256 place);

    function evaluate(Account memory account) internal pure returns (Result memory result) {
        uint256 count = account.underlyings.length;
        int256[39][] memory profits = new int256[39][](count);
        int256[] memory basis = new int256[](count);
        int256[39] memory total;
        Requirement memory charge = account.haircuts;
        int256 haircut = charge.initial;
        int256 notional;
        int256 gains;
        int256 marks;
        for (uint256 i = 0; i < count; ++i) {
            Underlying memory underlying = account.underlyings[i];
            Options memory options = _options(underlying);
            _settle(underlying, options);
            profits[i] = options.profits;
            basis[i] = options.basis;
            for (uint256 s = 0; s < SCENARIOS; ++s) total[s] += options.profits[s];
            gains += underlying.perpetualProfit;
            marks += options.mark;
            _charge(underlying, options, charge);
            notional +=
                Wad.mulUp(options.gross * Holdings.LOT, underlying.spot) +
                Wad.mulUp(Wad.abs(underlying.perpetualSize), underlying.perpetualMark);
        }
        for (uint256 s = 1; s < SCENARIOS; ++s) if (total[s] < total[result.worstScenario]) result.worstScenario = s;
        int256 loss = _loss(account.underlyings, profits, basis);
        int256 depeg = Wad.mulUp(Wad.max(0, 0.99e18 - account.settlementPrice), 4e18);
        result.equity = account.cash + account.collateral + gains + marks;
        result.unrealisedGain = Wad.max(0, gains) + Wad.max(0, marks);
        result.maintenanceMargin = charge.maintenance + Wad.mulUp(loss, MAINTENANCE);
        result.initialMargin = Wad.max(result.maintenanceMargin, charge.initial + Wad.mulUp(loss, Wad.ONE + depeg));
        int256 byLeverage =
            account.maxLeverage == 0 ? int256(0) : haircut - Wad.floorDiv(-notional * Wad.ONE, account.maxLeverage);
        if (account.initialFactor > Wad.ONE)
            result.initialMargin = Wad.mulUp(result.initialMargin, account.initialFactor);
        result.initialMargin = Wad.max(result.initialMargin, byLeverage);
    }

    // ---- options of one underlying

    function _options(Underlying memory underlying) private pure returns (Options memory options) {
        if (underlying.options.length == 0) return options;
        uint256[] memory sheet = underlying.sheet;
        uint256 expiries = sheet[SheetRows.MAP_WORDS];
        uint256 rows = SheetRows.firstRow(expiries);
        int256[] memory net = new int256[]((sheet.length - rows) / SheetRows.ROW_WORDS);
        // Per expiry: puts, puts times strike (2^-27), gross.
        int256[3][] memory sums = new int256[3][](expiries);
        _gather(underlying.options, sheet, rows, net, sums);
        for (uint256 e = 0; e < expiries; ++e) {
            if (sums[e][2] == 0) continue;
            // CAST: a sum of sizes' absolute values.
            uint256 gross = uint256(sums[e][2]);
            require(gross <= MAX_GROSS, ExpiryTooLarge(e, gross, MAX_GROSS));
            options.gross += sums[e][2];
            _expiry(sheet, rows, net, sums[e], sheet[SheetRows.MAP_WORDS + 1 + e], options);
        }
    }

    function _gather(
        uint256[] memory words,
        uint256[] memory sheet,
        uint256 rows,
        int256[] memory net,
        int256[3][] memory sums
    ) private pure {
        unchecked {
            for (uint256 w = 0; w < words.length; ++w) {
                uint256 word = words[w];
                for (; word != 0; word >>= 42) {
                    // CAST: 33 bits moved to the top and back with their sign.
                    int256 size = int256(word << 214) >> 223;
                    if (size == 0) continue;
                    uint256 place = (word >> 1) & 0xff;
                    uint256 entry = (sheet[place >> 4] >> ((place & 15) << 4)) & 0xffff;
                    require(entry != 0, PlaceMissing(place));
                    uint256 row = entry & 0xff;
                    int256[3] memory sum = sums[(entry >> 8) & 0x7f];
                    net[row] += size;
                    sum[2] += size < 0 ? -size : size;
                    if (word & 1 == 0) continue;
                    sum[0] += size;
                    int256 strike = int256(sheet[rows + row * SheetRows.ROW_WORDS + 4] >> 224);
                    sum[1] += size * strike + (size < 0 ? size : int256(0));
                }
            }
        }
    }

    /// @dev Adds one expiry. Lanes are sums modulo 2^256 of signed multiples; the bias makes every lane positive before it is cut out.
    function _expiry(
        uint256[] memory sheet,
        uint256 rows,
        int256[] memory net,
        int256[3] memory sums,
        uint256 header,
        Options memory options
    ) private pure {
        unchecked {
            uint256[10] memory lanes;
            int256 naked;
            uint256 end = ((header >> 160) & 0xff) + ((header >> 168) & 0xff);
            int256 total;
            for (uint256 row = (header >> 160) & 0xff; row < end; ++row) {
                int256 size = net[row];
                if (size == 0) continue;
                total += size;
                if (size < 0) naked -= size;
                uint256 index = rows + row * SheetRows.ROW_WORDS;
                assembly ("memory-safe") {
                    let from := add(add(sheet, 0x20), shl(5, index))
                    for {
                        let to := lanes
                    } lt(to, add(lanes, 320)) {
                        to := add(to, 64)
                    } {
                        let word := mload(from)
                        mstore(to, add(mload(to), mul(size, and(word, EVEN))))
                        mstore(add(to, 32), add(mload(add(to, 32)), mul(size, and(shr(32, word), EVEN))))
                        from := add(from, 32)
                    }
                }
            }
            options.naked += naked;
            options.net += total < 0 ? -total : total;
            _value(lanes, naked, sums, header, options);
        }
    }

    function _value(
        uint256[10] memory lanes,
        int256 naked,
        int256[3] memory sums,
        uint256 header,
        Options memory options
    ) private pure {
        unchecked {
            int256 forward = int256(header & 0xffffffffffffffffffffffff);
            int256 gain = int256((header >> 96) & 0xffffffffffffffff);
            bool settled = (header >> 176) & 1 == 1;
            int256[39] memory values;
            for (uint256 j = 0; j < 39; ++j) {
                bool isTail = j >= SheetRows.TAILS && j < SheetRows.SKEWS;
                uint256 word = lanes[((j >> 3) << 1) | (j & 1)] + BIAS;
                int256 value = int256((word >> (((j & 7) >> 1) << 6)) & 0xffffffffffffffff) - int256(1 << 63);
                (uint256 shock, ) = SheetRows.moveOf(settled ? 4 : SheetRows.moveOfLane(j));
                value += (sums[1] << (isTail ? 1 : 4)) - naked - sums[0] * int256(shock >> (isTail ? 36 : 33));
                values[j] = (isTail ? value << 3 : value) * forward;
            }
            int256 mark = values[SheetRows.MARK];
            for (uint256 j = 0; j < 39; ++j) {
                int256 value = values[j];
                values[j] = (value > 0 ? (value * gain) >> 64 : value) - mark;
                if (j < SCENARIOS) options.profits[j] += values[j];
            }
            int256 least = Wad.min(0, Wad.min(values[SheetRows.BASIS], values[SheetRows.BASIS + 1]));
            options.basis += Wad.mulDown(least, int256(header >> 184));
            options.mark += mark;
        }
    }

    // ---- scenarios of one underlying in money

    function _settle(Underlying memory underlying, Options memory options) private pure {
        int256 linear = Wad.mulDown(underlying.perpetualSize, underlying.perpetualMark) + underlying.followers;
        for (uint256 s = 0; s < SCENARIOS; ++s) {
            (int256 move, int256 weight) = _scenario(s);
            int256 profit = Wad.floorDiv(options.profits[s], UNIT) + Wad.mulDown(linear, move);
            options.profits[s] = weight == Wad.ONE ? profit : Wad.mulDown(profit, weight);
        }
        options.basis = Wad.floorDiv(options.basis, UNIT);
        options.mark = Wad.floorDiv(options.mark, UNIT);
    }

    function _scenario(uint256 s) private pure returns (int256 move, int256 weight) {
        if (s < SheetRows.TAILS) return (int256(s / 3) * 0.04e18 - 0.16e18, Wad.ONE);
        if (s >= SheetRows.SKEWS) return (0, Wad.ONE);
        if (s == 27) return (-0.66e18, 0.2424e18);
        if (s == 28) return (-0.33e18, 0.4848e18);
        if (s == 29) return (0.5e18, 0.32e18);
        if (s == 30) return (1e18, 0.16e18);
        if (s == 31) return (2e18, 0.08e18);
        if (s == 32) return (3e18, 0.0533e18);
        if (s == 33) return (4e18, 0.04e18);
        return (5e18, 0.032e18);
    }

    /// @dev Charges on the size of what is held, and for unsure feeds.
    function _charge(Underlying memory underlying, Options memory options, Requirement memory charge) private pure {
        int256 held = Wad.abs(underlying.perpetualSize);
        int256 perpetual = Wad.mulUp(held, underlying.spot);
        int256 short = Wad.mulUp(options.naked * Holdings.LOT, underlying.spot);
        charge.maintenance += Wad.mulUp(perpetual, 0.03e18) + Wad.mulUp(short, 0.003e18);
        charge.initial += Wad.mulUp(perpetual, 0.04e18) + Wad.mulUp(short, 0.005e18);
        if (underlying.confidence >= 0.55e18) return;
        int256 notional = Wad.mulUp(held + options.net * Holdings.LOT, underlying.spot) + underlying.followers;
        charge.initial += Wad.mulUp(notional, Wad.ONE - underlying.confidence);
    }

    /// @dev Sum of the worst losses, less what correlated ones lose less together, times their correlation.
    function _loss(
        Underlying[] memory underlyings,
        int256[39][] memory profits,
        int256[] memory basis
    ) private pure returns (int256 loss) {
        for (uint256 i = 0; i < underlyings.length; ++i) {
            loss += _worst(profits[i], basis[i]);
            uint256 group = underlyings[i].group;
            if (group == 0) continue;
            bool isFirst = true;
            for (uint256 j = 0; j < i; ++j) if (underlyings[j].group == group) isFirst = false;
            if (!isFirst) continue;
            int256[39] memory joint;
            int256 alone;
            int256 jointBasis;
            int256 correlation = 0.75e18;
            for (uint256 j = i; j < underlyings.length; ++j) {
                if (underlyings[j].group != group) continue;
                alone += _worst(profits[j], basis[j]);
                jointBasis += basis[j];
                correlation = Wad.min(correlation, underlyings[j].correlation);
                for (uint256 s = 0; s < SCENARIOS; ++s) joint[s] += profits[j][s];
            }
            loss -= Wad.mulDown(Wad.max(0, alone - _worst(joint, jointBasis)), correlation);
        }
    }

    function _worst(int256[39] memory profits, int256 basis) private pure returns (int256) {
        int256 least = Wad.min(0, basis);
        for (uint256 s = 0; s < SCENARIOS; ++s) if (profits[s] < least) least = profits[s];
        return -least;
    }
}
