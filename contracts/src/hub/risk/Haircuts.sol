// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Wad} from "./Wad.sol";

/// @notice A deduction from equity, 18 decimals.
struct Requirement {
    int256 initial;
    int256 maintenance;
}

/// @title What collateral does not count for
/// @notice By asset, by how much of it there is, by the chain that holds it and the state of that chain. Only what is positive is
/// haircut: a balance cannot be negative. Twin: shared/src/risk/haircuts.ts.
library Haircuts {
    /// @notice Rates of the part of a value from `from` up to the next tier; wads.
    struct Tier {
        int256 from;
        int256 maintenance;
        int256 initialExtra;
    }

    /// @notice One balance: value in wads, class of its asset, and what its chain takes of the rest (rates, wads).
    struct Lot {
        uint256 class;
        int256 value;
        Requirement chain;
    }

    /// @notice Haircuts of all lots. The chain's rates apply to what the asset's own haircut leaves, so together they never exceed the
    /// value and the order of the lots does not matter.
    /// @param classes Tiers by class, each from 0 up.
    function sum(Lot[] memory lots, Tier[][] memory classes) internal pure returns (Requirement memory total) {
        for (uint256 i = 0; i < lots.length; ++i) {
            (int256 value, bool isFirst) = _valueOfClass(lots, i);
            if (!isFirst || value == 0) continue;
            Requirement memory own = tiered(classes[lots[i].class], value);
            for (uint256 j = i; j < lots.length; ++j) {
                if (lots[j].class != lots[i].class) continue;
                int256 lot = lots[j].value;
                Requirement memory chain = lots[j].chain;
                total.maintenance += Wad.mulUp(lot - Wad.floorDiv(lot * own.maintenance, value), chain.maintenance);
                total.initial += Wad.mulUp(lot - Wad.floorDiv(lot * own.initial, value), chain.initial);
            }
            total.maintenance += own.maintenance;
            total.initial += own.initial;
        }
    }

    /// @notice Marginal by value: each tier's rates apply to the part of the value within it; rounded up, at most the value.
    function tiered(Tier[] memory tiers, int256 value) internal pure returns (Requirement memory charge) {
        for (uint256 i = 0; i < tiers.length; ++i) {
            Tier memory tier = tiers[i];
            int256 end = i + 1 < tiers.length ? Wad.min(value, tiers[i + 1].from) : value;
            int256 part = Wad.max(0, end - tier.from);
            charge.maintenance += Wad.mulUp(part, Wad.min(Wad.ONE, tier.maintenance));
            charge.initial += Wad.mulUp(part, Wad.min(Wad.ONE, tier.maintenance + tier.initialExtra));
        }
        charge.maintenance = Wad.min(value, charge.maintenance);
        charge.initial = Wad.min(value, charge.initial);
    }

    /// @notice Rates that a chain and its state add: the state's maintenance rate by its ramp, its initial rate at once. All wads.
    function chainRates(
        int256 ownMaintenance,
        int256 ownExtra,
        int256 stateMaintenance,
        int256 stateExtra,
        int256 ramp
    ) internal pure returns (Requirement memory rates) {
        rates.maintenance = Wad.min(Wad.ONE, ownMaintenance + Wad.mulUp(stateMaintenance, ramp));
        rates.initial = Wad.min(Wad.ONE, rates.maintenance + ownExtra + stateExtra);
    }

    function _valueOfClass(Lot[] memory lots, uint256 at) private pure returns (int256 value, bool isFirst) {
        uint256 class = lots[at].class;
        isFirst = true;
        for (uint256 i = 0; i < lots.length; ++i) {
            if (lots[i].class != class) continue;
            if (i < at) isFirst = false;
            value += lots[i].value;
        }
    }
}
