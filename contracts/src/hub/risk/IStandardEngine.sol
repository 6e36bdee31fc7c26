// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IRiskEngine} from "./IRiskEngine.sol";
import {StandardMargin} from "./StandardMargin.sol";

/// @notice Isolated and cross margin: closed forms with size tiers, scaled by open interest.
interface IStandardEngine is IRiskEngine {
    /// @notice Where the engine reads what it does not hold.
    struct Links {
        address feeds;
        address collateralRules;
        address listing;
        address normalTable;
    }

    /// @notice Rates of the part of a perpetual's notional from `from` (18 decimals) up to the next tier; 1e-9.
    struct PerpetualTier {
        uint128 from;
        uint32 initial;
        uint32 maintenance;
    }

    /// @notice Short options, as shares of spot, 1e-9: initial max(initialMax - out of the money, initialMin).
    /// @param initialMax           at the money
    /// @param initialMin           far out of it
    /// @param maintenance          whatever its strike
    /// @param putMaintenanceOfMark a put's maintenance is at least this times its mark
    /// @param unpairedInitial      of net short calls where an expiry is margined by its greatest loss, of the forward
    /// @param unpairedMaintenance  the same for maintenance
    struct OptionRates {
        uint40 initialMax;
        uint40 initialMin;
        uint40 maintenance;
        uint40 putMaintenanceOfMark;
        uint40 unpairedInitial;
        uint40 unpairedMaintenance;
    }

    /// @notice Notional of a perpetual's open interest, in whole units of settlement cash.
    struct InterestBounds {
        uint80 lower;
        uint80 upper;
    }

    event RulesSet(PerpetualTier[] tiers, OptionRates option);
    event OpenInterestBoundsSet(uint16 indexed underlying, uint80 lower, uint80 upper);

    error RulesInvalid(string expected);

    // ---- governance (restricted)

    /// @notice Replaces the rates. GOVERNOR, delayed.
    /// @param tiers 1 ... 8, the first from 0, rates that do not fall
    function setRules(PerpetualTier[] calldata tiers, OptionRates calldata option) external;
    /// @notice Where initial rates begin to rise with open interest (at the mark) and where they reach 1; upper <= lower: never. GOVERNOR,
    ///         delayed.
    function setOpenInterestBounds(uint16 underlying, uint80 lower, uint80 upper) external;

    // ---- views

    /// @notice Values any portfolio under any rules: the closed forms themselves, for tools and proofs.
    function whatIf(
        StandardMargin.Portfolio calldata portfolio,
        StandardMargin.Rules calldata rules
    ) external view returns (StandardMargin.Result memory);
    /// @notice The portfolio and the rules that `riskOf` values.
    function portfolioOf(
        uint256[] calldata holdings
    ) external view returns (StandardMargin.Portfolio memory portfolio, StandardMargin.Rules memory rules);
}
