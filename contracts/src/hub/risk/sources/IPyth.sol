// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @notice What is used of Pyth's contract.
interface IPyth {
    /// @param price       times 10^expo
    /// @param conf        half-width, times 10^expo
    /// @param expo        exponent
    /// @param publishTime seconds
    struct Price {
        int64 price;
        uint64 conf;
        int32 expo;
        uint256 publishTime;
    }

    /// @notice The stored price, however old; reverts if there never was one.
    function getPriceUnsafe(bytes32 id) external view returns (Price memory price);
    /// @notice Verifies and stores signed updates for a fee.
    function updatePriceFeeds(bytes[] calldata updateData) external payable;
    function getUpdateFee(bytes[] calldata updateData) external view returns (uint256 feeAmount);
}
