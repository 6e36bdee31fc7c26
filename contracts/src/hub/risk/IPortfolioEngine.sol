// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IRiskEngine, Risk} from "./IRiskEngine.sol";

/// @title Portfolio margin
/// @notice Values up to 128 option positions of 11 expiries in 3 underlyings, 8 underlyings in all, 16 balances of collateral. Within these
///         limits no price, strike or size makes it revert: what is beyond a scale is taken coarser, against the account.
interface IPortfolioEngine is IRiskEngine {
    /// @notice Where the engine reads.
    struct Links {
        address feeds;
        address collateralRules;
        address sheets;
    }

    event GroupSet(uint16 indexed underlying, uint8 group, uint32 correlation);

    error CorrelationInvalid(uint256 correlation, uint256 most);

    /// @notice Underlyings of a group offset each other. GOVERNOR, delayed.
    /// @param group       0: offsets with nothing
    /// @param correlation 1e-9, at most 0.75; a group's is the least of those of its members in the account
    function setGroup(uint16 underlying, uint8 group, uint32 correlation) external;

    /// @notice riskOf with rows built for the account alone, whatever sheets there are: the same bits.
    function riskWithoutSheet(uint256[] calldata holdings) external view returns (Risk memory);
}
