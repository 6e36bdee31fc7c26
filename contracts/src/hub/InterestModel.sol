// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IInterestModel} from "./IInterestModel.sol";

/// @notice A rate that rises gently up to a kink of utilisation, and steeply from there, so that cash comes back before it is gone.
/// @dev Yearly: base + slope · u up to the kink, then linear to `full` at u = 1. Without owner: another curve is another contract.
contract InterestModel is IInterestModel {
    uint256 private constant WAD = 1e18;
    uint256 private constant YEAR = 365 days;

    /// @notice Rate per year at no utilisation, 1e-18.
    uint256 public immutable base;
    /// @notice What full utilisation would add to it if there were no kink, 1e-18.
    uint256 public immutable slope;
    /// @notice Utilisation from which the rate is steep, 1e-18, below 1e18.
    uint256 public immutable kink;
    /// @notice Rate per year at full utilisation, 1e-18.
    uint256 public immutable full;
    uint256 private immutable _atKink;

    error CurveInvalid(string expected);

    /// @param base_  1e-18 per year
    /// @param slope_ 1e-18 per year
    /// @param kink_  1e-18
    /// @param full_  1e-18 per year
    constructor(uint256 base_, uint256 slope_, uint256 kink_, uint256 full_) {
        require(kink_ < WAD, CurveInvalid("kink below 10^18"));
        require(base_ <= full_ && slope_ <= full_, CurveInvalid("base and slope at most full"));
        require(full_ <= 10 * WAD, CurveInvalid("full at most 10^19, a thousand percent a year"));
        uint256 atKink = base_ + Math.ceilDiv(slope_ * kink_, WAD);
        require(atKink <= full_, CurveInvalid("the rate at the kink at most full"));
        (base, slope, kink, full, _atKink) = (base_, slope_, kink_, full_, atKink);
    }

    /// @inheritdoc IInterestModel
    function perSecond(uint256 debt, uint256 cash) external view returns (uint256) {
        return Math.ceilDiv(perYear(utilisation(debt, cash)), YEAR);
    }

    /// @notice Rate per year at a utilisation, both 1e-18; rounded up.
    /// @param used at most 1e18
    function perYear(uint256 used) public view returns (uint256) {
        if (used <= kink) return base + Math.ceilDiv(slope * used, WAD);
        return _atKink + Math.ceilDiv((full - _atKink) * (used - kink), WAD - kink);
    }

    /// @notice debt / cash, 1e-18, rounded up, at most 1e18.
    function utilisation(uint256 debt, uint256 cash) public pure returns (uint256) {
        return debt >= cash ? (debt == 0 ? 0 : WAD) : Math.ceilDiv(debt * WAD, cash);
    }
}
