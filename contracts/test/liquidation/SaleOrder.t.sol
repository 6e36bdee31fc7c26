// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Test} from "forge-std/Test.sol";
import {ICollateralRules} from "../../src/hub/risk/ICollateralRules.sol";
import {SaleOrder} from "../../src/hub/liquidation/SaleOrder.sol";

/// @notice See SaleOrder.tree. The vectors are also read by shared/test/liquidation/sale-order.spec.ts.
contract SaleOrderTest is Test {
    string private constant FILE = "../shared/vectors/liquidation/sale-order.json";

    function test_GivenTheVectors_WhenTaken_TheCheapestGoFirst() public view {
        string memory json = vm.readFile(FILE);
        uint256 i = 0;
        for (; vm.keyExistsJson(json, _item(".cases", i)); ++i) _case(json, _item(".cases", i));
        assertEq(i, 41);
    }

    function _case(string memory json, string memory at) private view {
        ICollateralRules.Offer[] memory offers = new ICollateralRules.Offer[](16);
        uint256 count = 0;
        string memory list = string.concat(at, ".offers");
        for (; vm.keyExistsJson(json, _item(list, count)); ++count) {
            uint256 value = _uint(json, _item(list, count), ".value");
            // A balance of as many base units as its value: what is taken of it is what is taken of the value.
            offers[count] = ICollateralRules.Offer(
                uint16(_uint(json, _item(list, count), ".assetId")),
                uint128(value),
                value,
                _uint(json, _item(list, count), ".rate")
            );
        }
        assembly ("memory-safe") {
            mstore(offers, count)
        }
        (uint16[] memory assetIds, uint128[] memory amounts) = SaleOrder.take(offers, _uint(json, at, ".value"));
        list = string.concat(at, ".taken");
        for (uint256 i = 0; i < assetIds.length; ++i) {
            assertEq(assetIds[i], _uint(json, _item(list, i), ".assetId"));
            assertEq(amounts[i], _uint(json, _item(list, i), ".value"));
        }
        assertFalse(vm.keyExistsJson(json, _item(list, assetIds.length)), "as many as in the vector");
    }

    function testFuzz_GivenAnyBalances_WhenTaken_NothingIsSkippedAndNothingTakenTwice(
        uint64[8] memory values,
        uint64[8] memory rates,
        uint128 wanted
    ) public pure {
        ICollateralRules.Offer[] memory offers = new ICollateralRules.Offer[](8);
        for (uint16 i = 0; i < 8; ++i)
            offers[i] = ICollateralRules.Offer(i + 1, uint128(values[i]) * 3, values[i], rates[i] % 1e18);
        uint256 total = SaleOrder.valueOf(offers);
        (uint16[] memory assetIds, uint128[] memory amounts) = SaleOrder.take(offers, wanted);
        uint256 rate = type(uint256).max;
        uint256 taken;
        for (uint256 i = 0; i < assetIds.length; ++i) {
            uint256 asset = assetIds[i] - 1;
            assertLe(rates[asset] % 1e18, rate, "cheapest first");
            rate = rates[asset] % 1e18;
            assertGt(rate, 0, "what covers nothing stays");
            if (i + 1 < assetIds.length) assertEq(amounts[i], uint128(values[asset]) * 3, "all but the last go whole");
            taken += amounts[i];
        }
        assertEq(taken, 3 * (wanted < total ? wanted : total));
    }

    function _item(string memory list, uint256 i) private pure returns (string memory) {
        return string.concat(list, "[", vm.toString(i), "]");
    }

    function _uint(string memory json, string memory at, string memory key) private pure returns (uint256) {
        return vm.parseJsonUint(json, string.concat(at, key));
    }
}
