// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Grade} from "./FeedGrade.sol";

/// @notice What an account is worth and what its positions ask for. Money is settlement cash, 18 decimals; every rounding is against the
///         account.
/// @param equity            before any haircut
/// @param initialMargin     at least maintenanceMargin
/// @param maintenanceMargin what liquidation is judged by
/// @param unrealisedGain    gains not realised, as far as they exceed what initialMargin asks beside the haircuts: part of equity that
///                          secures positions but may not leave. So equity − unrealisedGain >= initialMargin says that equity covers both
///                          initialMargin and, if all gains vanished, the haircuts
/// @param worstScenario     index of the scenario of least profit, NO_SCENARIO where the method has none
/// @param grade             worst grade of the values used; Fresh if none was
/// @param oldest            time of the oldest value used, seconds; the largest there is if none was
struct Risk {
    int256 equity;
    uint256 initialMargin;
    uint256 maintenanceMargin;
    uint256 unrealisedGain;
    uint8 worstScenario;
    Grade grade;
    uint40 oldest;
}

/// @notice Values an account. Without state of accounts, so that a view, a transaction and a what-if go through the same code.
/// @dev Holdings are words, from the low bits to the high ones:
///        head        cash int128 | collateral words uint8 | underlyings uint8 | initialFactor uint16 | maxLeverage uint32
///                    (profile: 1e-2 each, 0 = none) | held uint1 (see IMarkets.hold) | mode uint2 (IMarkets.Mode); engines pass over
///                    the last two
///        collateral  twice: amount uint108, base units | assetId uint16 (0: none), as the ledger's books hold them
///        then for each underlying, ascending:
///        position    underlying uint16 | option words uint8 | perpetual size int104, 18 decimals | its quote int128, 18 decimals
///        options     six times: series uint9 | size int33 in lots of 0.001 (0: none)
///      A series is (strike's place in the underlying's listing) * 2, plus 1 for the put.
interface IRiskEngine {
    error HoldingsInvalid(uint256 word, string expected);

    /// @notice Values holdings at the feeds of this block.
    function riskOf(uint256[] calldata holdings) external view returns (Risk memory);
}

// Risk.worstScenario of a method without scenarios.
uint8 constant NO_SCENARIO = type(uint8).max;

/// @notice What the hub lists: strikes of an underlying, by place, and how much is open.
interface IListing {
    /// @notice Strike price uint128 (18 decimals) | expiry uint40, seconds; 0 where nothing is listed.
    /// @param places up to 256 places of the underlying's listing
    function strikesAt(uint16 underlying, uint8[] calldata places) external view returns (uint256[] memory);
    /// @notice A bit for each of the 256 places where a strike is listed. A place that starts to mean another strike also starts a new epoch
    ///         of the underlying (IFeeds.advance).
    function placesOf(uint16 underlying) external view returns (uint256 bits);
    /// @notice Σ of what is held long.
    /// @return perpetual  units of the underlying, 18 decimals
    /// @return optionLots lots of 0.001, over all series
    function openInterestOf(uint16 underlying) external view returns (uint256 perpetual, uint256 optionLots);
}
