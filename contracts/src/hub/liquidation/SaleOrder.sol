// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ICollateralRules} from "../risk/ICollateralRules.sol";

/// @title Which balances are sold when not all have to be
/// @notice Cheapest expected cost first, ties to the lower asset id. Twin: shared/src/liquidation/choice.ts (cheapestFirst, where no message
///         costs anything: on the hub an asset changes hands without one).
library SaleOrder {
    /// @notice What all that covers anything is worth at the mark, 18 decimals.
    function valueOf(ICollateralRules.Offer[] memory offers) internal pure returns (uint256 value) {
        for (uint256 i = 0; i < offers.length; ++i) if (offers[i].rate != 0) value += offers[i].value;
    }

    /// @notice What of each offer is taken so that their values come to `value`, or to all there is. Sorts the offers.
    /// @param value 18 decimals
    /// @return assetIds of what is taken, cheapest first
    /// @return amounts  base units, rounded down; all of it where all of its value is taken
    function take(
        ICollateralRules.Offer[] memory offers,
        uint256 value
    ) internal pure returns (uint16[] memory assetIds, uint128[] memory amounts) {
        _sort(offers);
        uint256 count;
        assetIds = new uint16[](offers.length);
        amounts = new uint128[](offers.length);
        for (uint256 i = 0; i < offers.length && value != 0; ++i) {
            ICollateralRules.Offer memory offer = offers[i];
            if (offer.value == 0 || offer.rate == 0) continue;
            uint256 part = offer.value < value ? offer.value : value;
            value -= part;
            assetIds[count] = offer.assetId;
            // CAST: part of a balance. Balances have 108 bits and values 120, so the product fits.
            amounts[count++] = uint128((uint256(offer.amount) * part) / offer.value);
        }
        assembly ("memory-safe") {
            mstore(assetIds, count)
            mstore(amounts, count)
        }
    }

    /// @dev By what a unit of their value covers, the most first.
    function _sort(ICollateralRules.Offer[] memory offers) private pure {
        for (uint256 i = 1; i < offers.length; ++i) {
            ICollateralRules.Offer memory offer = offers[i];
            uint256 at = i;
            for (; at != 0 && _isBefore(offer, offers[at - 1]); --at) offers[at] = offers[at - 1];
            offers[at] = offer;
        }
    }

    function _isBefore(ICollateralRules.Offer memory a, ICollateralRules.Offer memory b) private pure returns (bool) {
        return a.rate == b.rate ? a.assetId < b.assetId : a.rate > b.rate;
    }
}
