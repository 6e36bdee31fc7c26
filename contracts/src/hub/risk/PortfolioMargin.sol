// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Requirement} from "./Haircuts.sol";
import {Holdings} from "./Holdings.sol";
import {OptionLanes} from "./OptionLanes.sol";
import {PortfolioScenarios} from "./PortfolioScenarios.sol";
import {Wad} from "./Wad.sol";

/// @title Portfolio margin from the rows of sheets: 37 scenarios and the charges beside them
/// @notice Constants are those of shared/src/risk/parameters/lockstep.json. Money and sizes have 18 decimals; roundings are against the
/// account. Scenarios: 9 moves by 3 volatilities, 8 tails, 2 tilts. Twin, bit for bit: shared/src/risk/fixed/portfolio-margin.ts.
library PortfolioMargin {
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

    /// @notice An underlying's options, read: what gather made of the words, and the sheets that hold their places, none twice (SheetRows).
    /// @param header what SheetGrades says of all expiries held, together; evaluate sets it
    struct Book {
        uint256 used;
        uint256 cells;
        uint256[][] sheets;
        uint256 header;
    }

    struct Result {
        int256 equity;
        int256 initialMargin;
        int256 maintenanceMargin;
        int256 unrealisedGain;
        uint256 worstScenario;
    }

    /// @dev One underlying in money: profits of the scenarios, and what the charges need.
    struct Leg {
        int256[37] profits;
        int256 basis;
        int256 mark;
        int256 naked;
        int256 net;
        int256 worst;
    }

    int256 private constant MAINTENANCE = 0.8e18;

    error PlaceMissing(uint256 places);

    function evaluate(Account memory account, Book[] memory books) internal pure returns (Result memory result) {
        unchecked {
            // Every product is below 2^255: sizes are below 2^104, prices below 2^100, what they come to below 2^150.
            uint256 count = account.underlyings.length;
            Leg[] memory legs = _newLegs(count);
            Requirement memory charge = account.haircuts;
            int256 haircut = charge.initial;
            int256 gains;
            int256 marks;
            for (uint256 i = 0; i < count; ++i) {
                Underlying memory underlying = account.underlyings[i];
                Leg memory leg = legs[i];
                _leg(underlying, books[i], leg);
                gains += underlying.perpetualProfit;
                marks += leg.mark;
                _charge(underlying, leg, charge);
            }
            result.worstScenario = _worstScenario(legs);
            int256 loss = _loss(account.underlyings, legs);
            int256 depeg = _up(Wad.max(0, 0.99e18 - account.settlementPrice), 4e18);
            result.equity = account.cash + account.collateral + gains + marks;
            result.maintenanceMargin = charge.maintenance + _up(loss, MAINTENANCE);
            result.initialMargin = Wad.max(result.maintenanceMargin, charge.initial + _up(loss, Wad.ONE + depeg));
            if (account.initialFactor > Wad.ONE)
                result.initialMargin = _up(result.initialMargin, account.initialFactor);
            if (account.maxLeverage != 0) {
                int256 least = haircut - Wad.floorDiv(-_notional(account.underlyings) * Wad.ONE, account.maxLeverage);
                result.initialMargin = Wad.max(result.initialMargin, least);
            }
            // What positions may lose includes their gains: margin that holds a gain back already does not hold it back twice.
            result.unrealisedGain = Wad.max(0, haircut + Wad.max(0, gains) + Wad.max(0, marks) - result.initialMargin);
        }
    }

    /// @dev As `new` would, at once: legs are most of what an account takes of memory.
    function _newLegs(uint256 count) private pure returns (Leg[] memory legs) {
        assembly ("memory-safe") {
            legs := mload(0x40)
            let at := add(add(legs, 32), shl(5, count))
            let end := add(at, mul(count, 1376))
            mstore(0x40, end)
            calldatacopy(at, calldatasize(), sub(end, at))
            mstore(legs, count)
            for {
                let to := add(legs, 32)
            } lt(at, end) {
                to := add(to, 32)
            } {
                // Six members, the first of which points to the profits behind them.
                mstore(to, at)
                mstore(at, add(at, 192))
                at := add(at, 1376)
            }
        }
    }

    /// @dev Perpetuals at their mark, options by lots of either side, calls and puts apart.
    function _notional(Underlying[] memory underlyings) private pure returns (int256 notional) {
        unchecked {
            for (uint256 i = 0; i < underlyings.length; ++i) {
                Underlying memory underlying = underlyings[i];
                int256 lots;
                for (uint256 w = 0; w < underlying.options.length; ++w) {
                    for (uint256 word = underlying.options[w]; word != 0; word >>= 42) {
                        // CAST: 33 bits moved to the top and back with their sign.
                        lots += Wad.abs(int256(word << 214) >> 223);
                    }
                }
                notional +=
                    _up(lots * Holdings.LOT, underlying.spot) +
                    _up(Wad.abs(underlying.perpetualSize), underlying.perpetualMark);
            }
        }
    }

    // ---- one underlying in money

    function _leg(Underlying memory underlying, Book memory book, Leg memory leg) private pure {
        unchecked {
            int256 linear = _down(underlying.perpetualSize, underlying.perpetualMark) + underlying.followers;
            if (book.used == 0) {
                if (linear != 0) leg.worst = PortfolioScenarios.linear(linear, leg.profits);
                return;
            }
            uint256 missing = book.used;
            for (uint256 i = 0; i < book.sheets.length; ++i) missing &= ~book.sheets[i][0];
            require(missing == 0, PlaceMissing(missing));
            // CAST: a price; it only sets how forwards are cut.
            OptionLanes.Sums memory sums = OptionLanes.sum(book.sheets, book.cells, uint256(underlying.spot));
            (leg.naked, leg.net, book.header) = (sums.naked, sums.net, sums.header);
            leg.mark = Wad.floorDiv(sums.mark << sums.scale, OptionLanes.UNIT);
            leg.basis = Wad.floorDiv(sums.basis << sums.scale, OptionLanes.UNIT);
            leg.worst = PortfolioScenarios.withOptions(sums, linear, Wad.min(0, leg.basis), leg.profits);
        }
    }

    /// @dev Charges on the size of what is held, and for unsure feeds.
    function _charge(Underlying memory underlying, Leg memory leg, Requirement memory charge) private pure {
        unchecked {
            int256 held = Wad.abs(underlying.perpetualSize);
            if (held != 0) {
                int256 perpetual = _up(held, underlying.spot);
                charge.maintenance += _up(perpetual, 0.03e18);
                charge.initial += _up(perpetual, 0.04e18);
            }
            if (leg.naked != 0) {
                int256 short = _up(leg.naked * Holdings.LOT, underlying.spot);
                charge.maintenance += _up(short, 0.003e18);
                charge.initial += _up(short, 0.005e18);
            }
            if (underlying.confidence >= 0.55e18) return;
            int256 notional = _up(held + leg.net * Holdings.LOT, underlying.spot) + underlying.followers;
            charge.initial += _up(notional, Wad.ONE - underlying.confidence);
        }
    }

    // ---- underlyings together

    /// @dev The first of the scenarios in which the account as a whole gains least.
    function _worstScenario(Leg[] memory legs) private pure returns (uint256 worst) {
        unchecked {
            if (legs.length == 0) return 0;
            int256[37] memory totals = legs[0].profits;
            if (legs.length != 1) {
                int256[37] memory sums;
                totals = sums;
                for (uint256 i = 0; i < legs.length; ++i) PortfolioScenarios.addTo(totals, legs[i].profits);
            }
            (, worst) = PortfolioScenarios.leastOf(totals);
        }
    }

    /// @dev Sum of the worst losses, less what correlated ones lose less together, times their correlation.
    function _loss(Underlying[] memory underlyings, Leg[] memory legs) private pure returns (int256 loss) {
        unchecked {
            for (uint256 i = 0; i < legs.length; ++i) {
                loss += legs[i].worst;
                uint256 group = underlyings[i].group;
                if (group == 0) continue;
                bool isFirst = true;
                for (uint256 j = 0; j < i; ++j) if (underlyings[j].group == group) isFirst = false;
                if (isFirst) loss -= _offset(underlyings, legs, i);
            }
        }
    }

    /// @dev Of the group whose first member is `first`.
    function _offset(Underlying[] memory underlyings, Leg[] memory legs, uint256 first) private pure returns (int256) {
        unchecked {
            Leg memory joint;
            int256 alone;
            int256 correlation = 0.75e18;
            for (uint256 j = first; j < legs.length; ++j) {
                if (underlyings[j].group != underlyings[first].group) continue;
                alone += legs[j].worst;
                joint.basis += legs[j].basis;
                correlation = Wad.min(correlation, underlyings[j].correlation);
                PortfolioScenarios.addTo(joint.profits, legs[j].profits);
            }
            (int256 least, ) = PortfolioScenarios.leastOf(joint.profits);
            return _down(Wad.max(0, alone + Wad.min(least, Wad.min(0, joint.basis))), correlation);
        }
    }

    // ---- products of wads that are known to fit

    function _down(int256 a, int256 b) private pure returns (int256) {
        unchecked {
            return Wad.floorDiv(a * b, Wad.ONE);
        }
    }

    function _up(int256 a, int256 b) private pure returns (int256) {
        unchecked {
            return -Wad.floorDiv(-a * b, Wad.ONE);
        }
    }
}
