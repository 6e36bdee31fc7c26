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

    /// @dev One underlying in money: what the charges need, and its worst loss.
    struct Leg {
        int256 basis;
        int256 mark;
        int256 naked;
        int256 net;
        int256 worst;
    }

    /// @dev Underlyings of a group together.
    /// @param sum of their profits, see PortfolioScenarios
    struct Joint {
        uint256 group;
        uint256 members;
        int256 alone;
        int256 basis;
        int256 correlation;
        uint256 sum;
    }

    /// @dev All underlyings together.
    /// @param sum     of their profits; 0: of one only, which says itself which is the worst
    /// @param scratch where profits of one with options are laid down
    struct Whole {
        int256 gains;
        int256 marks;
        int256 loss;
        uint256 worstScenario;
        uint256 sum;
        uint256 scratch;
        uint256 groups;
        Joint[] joints;
    }

    int256 private constant MAINTENANCE = 0.8e18;

    error PlaceMissing(uint256 places);

    function evaluate(Account memory account, Book[] memory books) internal pure returns (Result memory result) {
        unchecked {
            // Every product is below 2^255: sizes are below 2^104, prices below 2^100, what they come to below 2^150.
            Requirement memory charge = account.haircuts;
            int256 haircut = charge.initial;
            Whole memory whole;
            if (account.underlyings.length != 0) _addUp(account.underlyings, books, charge, whole);
            (int256 gains, int256 marks, int256 loss) = (whole.gains, whole.marks, whole.loss);
            result.worstScenario = whole.worstScenario;
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

    /// @notice As `new` would, at once.
    function newUnderlyings(uint256 count) internal pure returns (Underlying[] memory underlyings) {
        assembly ("memory-safe") {
            underlyings := mload(0x40)
            let at := add(add(underlyings, 32), shl(5, count))
            let end := add(at, mul(count, 288))
            mstore(0x40, end)
            calldatacopy(at, calldatasize(), sub(end, at))
            mstore(underlyings, count)
            for {
                let to := add(underlyings, 32)
            } lt(at, end) {
                to := add(to, 32)
                at := add(at, 288)
            } {
                mstore(to, at)
                // The last member: no options, the word that is always zero.
                mstore(add(at, 256), 0x60)
            }
        }
    }

    /// @notice As `new` would, at once.
    function newBooks(uint256 count) internal pure returns (Book[] memory books) {
        assembly ("memory-safe") {
            books := mload(0x40)
            let at := add(add(books, 32), shl(5, count))
            let end := add(at, shl(7, count))
            mstore(0x40, end)
            calldatacopy(at, calldatasize(), sub(end, at))
            mstore(books, count)
            for {
                let to := add(books, 32)
            } lt(at, end) {
                to := add(to, 32)
                at := add(at, 128)
            } {
                mstore(to, at)
                // The third member: no sheets.
                mstore(add(at, 64), 0x60)
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

    function _leg(
        Underlying memory underlying,
        Book memory book,
        Leg memory leg,
        Whole memory whole,
        uint256 joint
    ) private pure {
        unchecked {
            int256 linear = _down(underlying.perpetualSize, underlying.perpetualMark) + underlying.followers;
            if (book.used == 0) {
                (leg.basis, leg.mark, leg.naked, leg.net) = (0, 0, 0, 0);
                leg.worst = linear == 0 ? int256(0) : PortfolioScenarios.addLinear(linear, whole.sum, joint);
                return;
            }
            uint256 missing = book.used;
            for (uint256 i = 0; i < book.sheets.length; ++i) missing &= ~book.sheets[i][0];
            require(missing == 0, PlaceMissing(missing));
            if (whole.scratch == 0) whole.scratch = PortfolioScenarios.newSum();
            uint256 free;
            assembly ("memory-safe") {
                free := mload(0x40)
            }
            // CAST: a price; it only sets how forwards are cut.
            OptionLanes.Sums memory sums = OptionLanes.sum(
                book.sheets,
                book.used,
                book.cells,
                uint256(underlying.spot)
            );
            (leg.naked, leg.net, book.header) = (sums.naked, sums.net, sums.header);
            leg.mark = Wad.floorDiv(sums.mark << sums.scale, OptionLanes.UNIT);
            leg.basis = Wad.floorDiv(sums.basis << sums.scale, OptionLanes.UNIT);
            (leg.worst, whole.worstScenario) = PortfolioScenarios.withOptions(
                sums,
                linear,
                Wad.min(0, leg.basis),
                whole.scratch
            );
            if (joint != 0) PortfolioScenarios.addToBoth(whole.sum, joint, whole.scratch);
            else if (whole.sum != 0) PortfolioScenarios.addTo(whole.sum, whole.scratch);
            // Nothing of the sums is needed any more: the next underlying's stand in their place, for memory is the dearer the more there is.
            assembly ("memory-safe") {
                mstore(0x40, free)
            }
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

    /// @dev Charges, gains and losses: the sum of the worst, less what correlated ones lose less together, times their correlation.
    function _addUp(
        Underlying[] memory underlyings,
        Book[] memory books,
        Requirement memory charge,
        Whole memory whole
    ) private pure {
        unchecked {
            uint256 count = underlyings.length;
            Leg memory leg;
            Joint memory none;
            if (count != 1) whole.joints = _newJoints(count);
            if (count != 1 || books[0].used == 0) whole.sum = PortfolioScenarios.newSum();
            for (uint256 i = 0; i < count; ++i) {
                Underlying memory underlying = underlyings[i];
                Joint memory joint = none;
                if (count != 1 && underlying.group != 0) joint = _jointOf(whole, underlying.group);
                _leg(underlying, books[i], leg, whole, joint.sum);
                whole.gains += underlying.perpetualProfit;
                whole.marks += leg.mark;
                whole.loss += leg.worst;
                _charge(underlying, leg, charge);
                if (joint.sum == 0) continue;
                ++joint.members;
                joint.alone += leg.worst;
                joint.basis += leg.basis;
                joint.correlation = Wad.min(joint.correlation, underlying.correlation);
            }
            // The first of the scenarios in which the account as a whole gains least.
            if (whole.sum != 0) (, whole.worstScenario) = PortfolioScenarios.leastOf(whole.sum);
            for (uint256 i = 0; i < whole.groups; ++i) whole.loss -= _offset(whole.joints[i]);
        }
    }

    function _jointOf(Whole memory whole, uint256 group) private pure returns (Joint memory joint) {
        unchecked {
            uint256 groups = whole.groups;
            for (uint256 i = 0; i < groups; ++i) {
                joint = whole.joints[i];
                if (joint.group == group) return joint;
            }
            joint = whole.joints[groups];
            (joint.group, joint.correlation, joint.sum) = (group, 0.75e18, PortfolioScenarios.newSum());
            whole.groups = groups + 1;
        }
    }

    /// @dev One alone offsets nothing.
    function _offset(Joint memory joint) private pure returns (int256) {
        unchecked {
            if (joint.members == 1) return 0;
            (int256 least, ) = PortfolioScenarios.leastOf(joint.sum);
            return _down(Wad.max(0, joint.alone + Wad.min(least, Wad.min(0, joint.basis))), joint.correlation);
        }
    }

    /// @dev As `new` would, at once.
    function _newJoints(uint256 count) private pure returns (Joint[] memory joints) {
        assembly ("memory-safe") {
            joints := mload(0x40)
            let at := add(add(joints, 32), shl(5, count))
            let end := add(at, mul(count, 192))
            mstore(0x40, end)
            calldatacopy(at, calldatasize(), sub(end, at))
            mstore(joints, count)
            for {
                let to := add(joints, 32)
            } lt(at, end) {
                to := add(to, 32)
                at := add(at, 192)
            } {
                mstore(to, at)
            }
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
