// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Test} from "forge-std/Test.sol";
import {InterestModel} from "../../src/hub/InterestModel.sol";

/// @notice See InterestModel.tree.
contract InterestModelTest is Test {
    uint256 private constant WAD = 1e18;
    InterestModel private model = new InterestModel(0.02e18, 0.08e18, 0.85e18, 0.9e18);

    function test_GivenUtilisations_ItIsTheCurve() public view {
        assertEq(model.perYear(0), 0.02e18);
        assertEq(model.perYear(0.5e18), 0.06e18);
        assertEq(model.perYear(0.85e18), 0.088e18);
        assertEq(model.perYear(0.925e18), 0.494e18);
        assertEq(model.perYear(WAD), 0.9e18);
    }

    function test_GivenDebtAndCash_UtilisationIsTheirShare_AtMostOne() public view {
        assertEq(model.utilisation(0, 0), 0);
        assertEq(model.utilisation(0, 5), 0);
        assertEq(model.utilisation(1, 3), 333333333333333334);
        assertEq(model.utilisation(5, 5), WAD);
        assertEq(model.utilisation(5, 0), WAD);
        assertEq(model.utilisation(type(uint128).max, 1), WAD);
        assertEq(model.perSecond(5, 0), 28538812786);
    }

    /// @dev More debt or less cash never makes it cheaper, and a rate is never rounded down.
    function testFuzz_GivenMoreUse_ItRises_AndRoundsUp(uint128 debt, uint128 cash, uint128 more) public view {
        uint256 used = model.utilisation(debt, cash);
        uint256 rate = model.perSecond(debt, cash);
        assertLe(used, WAD);
        assertGe(rate * 365 days, model.perYear(used));
        assertLt((rate - 1) * 365 days, model.perYear(used));
        assertGe(model.perSecond(uint256(debt) + more, cash), rate);
        assertLe(model.perSecond(debt, uint256(cash) + more), rate);
        assertGe(used * cash, used == WAD ? 0 : uint256(debt) * WAD);
    }

    function testFuzz_GivenAnyCurve_ItRises(uint64 base, uint64 slope, uint64 kink, uint64 a, uint64 b) public {
        (base, slope) = (uint64(bound(base, 0, WAD)), uint64(bound(slope, 0, WAD)));
        InterestModel other = new InterestModel(base, slope, bound(kink, 0, WAD - 1), uint256(base) + slope);
        (a, b) = (uint64(bound(a, 0, WAD)), uint64(bound(b, 0, WAD)));
        if (a > b) (a, b) = (b, a);
        assertLe(other.perYear(a), other.perYear(b));
        assertEq(other.perYear(0), base);
        assertEq(other.perYear(WAD), other.full());
    }

    function test_GivenABadCurve_ItSaysWhatWasExpected() public {
        _expect("kink below 10^18");
        new InterestModel(0, 0, WAD, 0);
        _expect("base and slope at most full");
        new InterestModel(2, 0, 0, 1);
        _expect("base and slope at most full");
        new InterestModel(0, 2, 0, 1);
        _expect("full at most 10^19, a thousand percent a year");
        new InterestModel(0, 0, 0, 10 * WAD + 1);
        _expect("the rate at the kink at most full");
        new InterestModel(0.6e18, 0.6e18, 0.9e18, 0.7e18);
    }

    function _expect(string memory expected) private {
        vm.expectRevert(abi.encodeWithSelector(InterestModel.CurveInvalid.selector, expected));
    }
}
