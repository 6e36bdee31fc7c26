// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IPriceSource} from "./IPriceSource.sol";
import {IPyth} from "./IPyth.sol";

/// @notice One Pyth price as a source: pulled, so anyone may bring a newer one in the transaction that uses it.
/// @dev Pyth's confidence interval becomes the spread, its publish time the time, so that an old or unsure price is graded like any other.
contract PythSource is IPriceSource {
    error PriceInvalid(int64 price, int32 expo, uint256 publishTime);
    error FeeTooLow(uint256 given, uint256 needed);
    error RefundFailed(address to, uint256 amount);

    int32 private constant DECIMALS = 18;
    int32 private constant LEAST_EXPONENT = -36;
    uint256 private constant SPREAD_ONE = 1e9;

    IPyth public immutable pyth;
    bytes32 public immutable priceId;

    constructor(address pyth_, bytes32 priceId_) {
        pyth = IPyth(pyth_);
        priceId = priceId_;
    }

    /// @inheritdoc IPriceSource
    function latest() external view returns (uint128 price, uint40 time, uint32 spread) {
        IPyth.Price memory p = pyth.getPriceUnsafe(priceId);
        require(
            p.price > 0 && p.expo >= LEAST_EXPONENT && p.expo <= 0 && p.publishTime <= type(uint40).max,
            PriceInvalid(p.price, p.expo, p.publishTime)
        );
        // CAST: positive, checked above.
        uint256 mantissa = uint64(p.price);
        int32 shift = DECIMALS + p.expo;
        // CAST: 0 ... 18 either way, so the price stays below 2^64 * 10^18 < 2^128.
        price = uint128(
            shift >= 0 ? mantissa * 10 ** uint256(uint32(shift)) : mantissa / 10 ** uint256(uint32(-shift))
        );
        require(price != 0, PriceInvalid(p.price, p.expo, p.publishTime));
        time = uint40(p.publishTime);
        uint256 share = (p.conf * SPREAD_ONE + mantissa - 1) / mantissa;
        spread = uint32(share < SPREAD_ONE ? share : SPREAD_ONE);
    }

    /// @notice Brings newer prices; what is paid above Pyth's fee comes back.
    /// @param updateData signed updates as Pyth's service gives them
    function update(bytes[] calldata updateData) external payable {
        uint256 fee = pyth.getUpdateFee(updateData);
        require(msg.value >= fee, FeeTooLow(msg.value, fee));
        pyth.updatePriceFeeds{value: fee}(updateData);
        uint256 rest = msg.value - fee;
        if (rest == 0) return;
        (bool sent, ) = msg.sender.call{value: rest}("");
        require(sent, RefundFailed(msg.sender, rest));
    }
}
