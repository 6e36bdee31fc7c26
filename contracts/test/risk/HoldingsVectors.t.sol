// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Test} from "forge-std/Test.sol";

import {Holdings} from "../../src/hub/risk/Holdings.sol";

/// @notice The vectors of holdings, read by both languages; shared/test/risk/holdings.spec.ts is the twin.
/// @dev See HoldingsVectors.tree.
contract HoldingsVectorsTest is Test {
    string private constant FILE = "../shared/vectors/risk/holdings.json";

    function test_GivenTheVectorsOfHoldings_WhenRead_EveryFieldIsTheirs() public view {
        string memory json = vm.readFile(FILE);
        uint256 i = 0;
        for (; vm.keyExistsJson(json, _item(".cases", i)); ++i) _account(json, _item(".cases", i));
        assertEq(i, 6);
    }

    function _account(string memory json, string memory at) private view {
        uint256[] memory words = vm.parseJsonUintArray(json, string.concat(at, ".words"));
        assertEq(Holdings.cash(words[0]), _int(json, at, ".cash"));
        (int256 initialFactor, int256 maxLeverage) = Holdings.profile(words[0]);
        assertEq(initialFactor, _int(json, at, ".initialFactor") * Holdings.HUNDREDTH);
        assertEq(maxLeverage, _int(json, at, ".maxLeverage") * Holdings.HUNDREDTH);
        uint256 next = 1 + Holdings.collateralWords(words[0]);
        _collateral(json, string.concat(at, ".collateral"), words, next);
        for (uint256 i = 0; i < Holdings.underlyings(words[0]); ++i)
            next = _underlying(json, _item(string.concat(at, ".underlyings"), i), words, next);
        assertEq(next, words.length);
    }

    /// @dev The first asset stands alone in its word, then two stand in each.
    function _collateral(string memory json, string memory list, uint256[] memory words, uint256 end) private view {
        uint256 count = 0;
        for (; vm.keyExistsJson(json, _item(list, count)); ++count) {
            uint256 half = count == 0 ? 0 : (count + 1) % 2;
            (uint16 assetId, uint256 amount) = Holdings.lot(words[1 + (count + 1) / 2], half);
            assertEq(assetId, _uint(json, _item(list, count), ".assetId"));
            assertEq(amount, _uint(json, _item(list, count), ".amount"));
        }
        assertEq(end, count == 0 ? 1 : 2 + count / 2);
    }

    function _underlying(
        string memory json,
        string memory at,
        uint256[] memory words,
        uint256 next
    ) private view returns (uint256) {
        uint256 position = words[next++];
        assertEq(Holdings.underlying(position), _uint(json, at, ".underlying"));
        assertEq(Holdings.perpetualSize(position), _int(json, at, ".size"));
        assertEq(Holdings.perpetualQuote(position), _int(json, at, ".quote"));
        string memory list = string.concat(at, ".options");
        uint256 count = 0;
        for (; vm.keyExistsJson(json, _item(list, count)); ++count) {
            (uint8 place, bool isPut, int256 size) = Holdings.option(
                words[next + count / Holdings.SERIES_PER_WORD],
                count % Holdings.SERIES_PER_WORD
            );
            assertEq(place, _uint(json, _item(list, count), ".place"));
            assertEq(isPut, vm.parseJsonBool(json, string.concat(_item(list, count), ".isPut")));
            assertEq(size, _int(json, _item(list, count), ".lots") * Holdings.LOT);
        }
        uint256 optionWords = (count + Holdings.SERIES_PER_WORD - 1) / Holdings.SERIES_PER_WORD;
        assertEq(Holdings.optionWords(position), optionWords);
        return next + optionWords;
    }

    function _item(string memory list, uint256 i) private pure returns (string memory) {
        return string.concat(list, "[", vm.toString(i), "]");
    }

    function _int(string memory json, string memory at, string memory key) private pure returns (int256) {
        return vm.parseJsonInt(json, string.concat(at, key));
    }

    function _uint(string memory json, string memory at, string memory key) private pure returns (uint256) {
        return vm.parseJsonUint(json, string.concat(at, key));
    }
}
