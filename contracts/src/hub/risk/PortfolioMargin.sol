// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Requirement} from "./Haircuts.sol";
import {Holdings} from "./Holdings.sol";
import {OptionLanes} from "./OptionLanes.sol";
import {PortfolioScenarios} from "./PortfolioScenarios.sol";
import {ScenarioSearch} from "./ScenarioSearch.sol";
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

    /// @dev Underlyings of a group together; the first joint is of all there are.
    /// @param alone what each loses at worst by itself
    /// @param value of those without options, and what they gain by the largest move down and by that up
    /// @param sum   of the profits of those with options, see PortfolioScenarios; 0: there are none
    struct Joint {
        uint256 group;
        uint256 members;
        int256 alone;
        int256 basis;
        int256 correlation;
        int256 value;
        int256 down;
        int256 up;
        uint256 sum;
    }

    /// @notice All underlyings together, as far as they were added.
    /// @param haircut initial margin of collateral alone
    /// @param count   how many underlyings there will be
    /// @param linears values of those without options, see PortfolioScenarios.newLinears
    /// @param scratch where profits of one with options are laid down; 0: none has, or there is one only
    struct Whole {
        int256 haircut;
        int256 initial;
        int256 maintenance;
        int256 gains;
        int256 marks;
        int256 loss;
        int256 notional;
        bool isLeveraged;
        uint256 worstScenario;
        uint256 count;
        uint256 linears;
        uint256 scratch;
        uint256 groups;
        Joint[] joints;
    }

    int256 private constant MAINTENANCE = 0.8e18;

    error PlaceMissing(uint256 places);

    /// @notice begin, add of each underlying, finish.
    function evaluate(Account memory account, Book[] memory books) internal pure returns (Result memory) {
        unchecked {
            uint256 count = account.underlyings.length;
            Whole memory whole = begin(account, count);
            for (uint256 i = 0; i < count; ++i) {
                if (books[i].used != 0) makeRoom(whole, account.underlyings[i].group);
                add(whole, account.underlyings[i], books[i]);
            }
            return finish(whole, account);
        }
    }

    /// @notice To add underlyings to.
    /// @param account its underlyings are not read here
    /// @param count   how many there will be
    function begin(Account memory account, uint256 count) internal pure returns (Whole memory whole) {
        whole.haircut = account.haircuts.initial;
        whole.initial = account.haircuts.initial;
        whole.maintenance = account.haircuts.maintenance;
        whole.isLeveraged = account.maxLeverage != 0;
        whole.count = count;
        whole.linears = PortfolioScenarios.newLinears(count);
        Joint memory all;
        whole.joints = _room(1 + count);
        (whole.joints[0], whole.groups) = (all, 1);
    }

    /// @notice Before an underlying with options is added: room for what stays of it, so that memory taken after this may be given back.
    function makeRoom(Whole memory whole, uint256 group) internal pure {
        // One alone says itself which scenario is the worst.
        if (whole.count == 1) return;
        if (whole.scratch == 0) {
            whole.scratch = PortfolioScenarios.newSum();
            whole.joints[0].sum = PortfolioScenarios.newSum();
        }
        Joint memory joint = whole.joints[_indexOf(whole, group)];
        if (joint.sum == 0) joint.sum = PortfolioScenarios.newSum();
    }

    /// @notice Charges, gains and losses of an underlying.
    /// @param book of its options; `used` is 0 if there are none, else there was makeRoom
    function add(Whole memory whole, Underlying memory underlying, Book memory book) internal pure {
        unchecked {
            Joint memory all = whole.joints[0];
            uint256 index = _indexOf(whole, underlying.group);
            int256 value = _down(underlying.perpetualSize, underlying.perpetualMark) + underlying.followers;
            int256 worst;
            (int256 naked, int256 net) = (0, 0);
            if (book.used == 0) {
                (int256 down, int256 up) = PortfolioScenarios.extremesOf(value);
                worst = -Wad.min(down, up);
                PortfolioScenarios.append(whole.linears, value, index);
                _move(all, value, down, up);
                if (index != 0) _move(whole.joints[index], value, down, up);
            } else (worst, naked, net) = _ofOptions(whole, index, underlying, book, value);
            whole.gains += underlying.perpetualProfit;
            whole.loss += worst;
            _charge(whole, underlying, naked, net);
            if (index == 0) return;
            Joint memory joint = whole.joints[index];
            ++joint.members;
            joint.alone += worst;
            if (underlying.correlation < joint.correlation) joint.correlation = underlying.correlation;
        }
    }

    /// @notice What all that was added comes to.
    function finish(Whole memory whole, Account memory account) internal pure returns (Result memory result) {
        unchecked {
            for (uint256 i = 0; i < whole.groups; ++i) _addUp(whole, whole.joints[i], i);
            (int256 gains, int256 marks, int256 loss) = (whole.gains, whole.marks, whole.loss);
            int256 haircut = whole.haircut;
            result.worstScenario = whole.worstScenario;
            int256 depeg = _up(Wad.max(0, 0.99e18 - account.settlementPrice), 4e18);
            result.equity = account.cash + account.collateral + gains + marks;
            result.maintenanceMargin = whole.maintenance + _up(loss, MAINTENANCE);
            result.initialMargin = Wad.max(result.maintenanceMargin, whole.initial + _up(loss, Wad.ONE + depeg));
            if (account.initialFactor > Wad.ONE)
                result.initialMargin = _up(result.initialMargin, account.initialFactor);
            if (whole.isLeveraged) {
                int256 least = haircut - Wad.floorDiv(-whole.notional * Wad.ONE, account.maxLeverage);
                result.initialMargin = Wad.max(result.initialMargin, least);
            }
            // What positions may lose includes their gains: margin that holds a gain back already does not hold it back twice.
            result.unrealisedGain = Wad.max(0, haircut + Wad.max(0, gains) + Wad.max(0, marks) - result.initialMargin);
        }
    }

    // ---- one underlying

    /// @dev Adds one without options.
    function _move(Joint memory joint, int256 value, int256 down, int256 up) private pure {
        unchecked {
            joint.value += value;
            joint.down += down;
            joint.up += up;
        }
    }

    /// @param value of what moves with it
    function _ofOptions(
        Whole memory whole,
        uint256 index,
        Underlying memory underlying,
        Book memory book,
        int256 value
    ) private pure returns (int256 worst, int256 naked, int256 net) {
        unchecked {
            uint256 missing = book.used;
            for (uint256 i = 0; i < book.sheets.length; ++i) missing &= ~book.sheets[i][0];
            require(missing == 0, PlaceMissing(missing));
            // CAST: a price; it only sets how forwards are cut.
            OptionLanes.Sums memory sums = OptionLanes.sum(
                book.sheets,
                book.used,
                book.cells,
                uint256(underlying.spot)
            );
            book.header = sums.header;
            whole.marks += Wad.floorDiv(sums.mark << sums.scale, OptionLanes.UNIT);
            int256 basis = Wad.floorDiv(sums.basis << sums.scale, OptionLanes.UNIT);
            Joint memory joint = whole.joints[index];
            joint.basis += basis;
            int256 least = Wad.min(0, basis);
            if (whole.count == 1) {
                (worst, whole.worstScenario) = ScenarioSearch.worstOf(sums, value, least);
            } else {
                (worst, ) = PortfolioScenarios.withOptions(sums, value, least, whole.scratch);
                if (index != 0) PortfolioScenarios.addToBoth(whole.joints[0].sum, joint.sum, whole.scratch);
                else PortfolioScenarios.addTo(joint.sum, whole.scratch);
            }
            return (worst, sums.naked, sums.net);
        }
    }

    /// @dev Charges on the size of what is held, and for unsure feeds; and what it comes to without regard to its side, if that is asked.
    /// @param naked of its options, see OptionLanes.Sums
    /// @param net   the same
    function _charge(Whole memory whole, Underlying memory underlying, int256 naked, int256 net) private pure {
        unchecked {
            int256 held = Wad.abs(underlying.perpetualSize);
            int256 spot = underlying.spot;
            (int256 initial, int256 maintenance) = (whole.initial, whole.maintenance);
            if (held != 0) {
                int256 perpetual = _up(held, spot);
                maintenance += _hundredths(perpetual * 3);
                initial += _hundredths(perpetual * 4);
            }
            if (naked != 0) {
                int256 short = _up(naked * Holdings.LOT, spot);
                maintenance += _up(short, 0.003e18);
                initial += _up(short, 0.005e18);
            }
            if (underlying.confidence < 0.55e18) {
                int256 notional = _up(held + net * Holdings.LOT, spot) + underlying.followers;
                initial += _up(notional, Wad.ONE - underlying.confidence);
            }
            (whole.initial, whole.maintenance) = (initial, maintenance);
            if (whole.isLeveraged) whole.notional += _notional(underlying, held);
        }
    }

    /// @dev Perpetuals at their mark, options by lots of either side, calls and puts apart.
    function _notional(Underlying memory underlying, int256 held) private pure returns (int256) {
        unchecked {
            int256 lots;
            for (uint256 i = 0; i < underlying.options.length; ++i) {
                for (uint256 word = underlying.options[i]; word != 0; word >>= 42) {
                    // CAST: 33 bits moved to the top and back with their sign.
                    lots += Wad.abs(int256(word << 214) >> 223);
                }
            }
            return _up(lots * Holdings.LOT, underlying.spot) + _up(held, underlying.perpetualMark);
        }
    }

    // ---- groups: the sum of the worst, less what correlated ones lose less together, times their correlation

    /// @dev Where the group's is among the joints; a new one stands behind the others. Those without a group, and one that is alone, belong to the first only.
    function _indexOf(Whole memory whole, uint256 group) private pure returns (uint256 index) {
        unchecked {
            if (group == 0 || whole.count == 1) return 0;
            uint256 groups = whole.groups;
            for (index = 1; index < groups; ++index) if (whole.joints[index].group == group) return index;
            Joint memory joint;
            (joint.group, joint.correlation) = (group, 0.75e18);
            whole.joints[index] = joint;
            whole.groups = groups + 1;
        }
    }

    /// @dev An array whose members do not stand yet: each is set before it is read.
    function _room(uint256 count) private pure returns (Joint[] memory joints) {
        assembly ("memory-safe") {
            joints := mload(0x40)
            mstore(joints, count)
            mstore(0x40, add(joints, shl(5, add(count, 1))))
        }
    }

    /// @dev Of the first joint the first of the scenarios in which the account gains least; of a group what it lowers the loss by.
    function _addUp(Whole memory whole, Joint memory joint, uint256 index) private pure {
        unchecked {
            // One alone offsets nothing, and has said which scenario is the worst if it has options.
            if (index == 0 ? joint.sum == 0 && PortfolioScenarios.isEmpty(whole.linears) : joint.members == 1) return;
            int256 least;
            uint256 at;
            if (joint.sum == 0)
                (least, at) = PortfolioScenarios.leastOfLinears(
                    whole.linears,
                    index,
                    joint.value,
                    joint.down,
                    joint.up
                );
            else {
                PortfolioScenarios.addLinears(joint.sum, whole.linears, index);
                (least, at) = PortfolioScenarios.leastOf(joint.sum);
            }
            if (index == 0) whole.worstScenario = at;
            else
                whole.loss -= _down(
                    Wad.max(0, joint.alone + Wad.min(least, Wad.min(0, joint.basis))),
                    joint.correlation
                );
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

    /// @dev Rounded up, of what is not negative.
    function _hundredths(int256 value) private pure returns (int256) {
        unchecked {
            return (value + 99) / 100;
        }
    }
}
