// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {Normal} from "../../math/Normal.sol";
import {ISheets} from "./ISheets.sol";
import {SheetBuilder} from "./SheetBuilder.sol";
import {SheetRows} from "./SheetRows.sol";

/// @notice Builds and keeps risk sheets. It holds nothing of accounts, and no one is trusted: the bytes are computed here.
contract Sheets is ISheets, SheetBuilder, AccessManaged {
    /// @notice Rows that fit one contract's code with eleven expiries and more.
    uint256 public constant MOST_PLACES = 144;

    mapping(uint16 underlying => address) private _sheets;

    constructor(
        address authority_,
        address feeds_,
        address listing_,
        address normalTable_
    ) AccessManaged(authority_) SheetBuilder(feeds_, listing_, normalTable_) {}

    /// @inheritdoc ISheets
    function publish(uint16 underlying, uint8[] calldata places) external returns (address sheet) {
        require(places.length != 0 && places.length <= MOST_PLACES, SheetTooLarge(places.length, MOST_PLACES));
        uint256[] memory words = _build(underlying, places);
        _requireCoverage(_sheets[underlying], words);
        sheet = _store(words);
        _sheets[underlying] = sheet;
        emit SheetPublished(underlying, sheet, places.length);
    }

    /// @inheritdoc ISheets
    function resetCoverage(uint16 underlying) external restricted {
        delete _sheets[underlying];
        emit CoverageReset(underlying);
    }

    /// @inheritdoc ISheets
    function sheetOf(uint16 underlying) external view returns (address) {
        return _sheets[underlying];
    }

    /// @inheritdoc ISheets
    function build(uint16 underlying, uint8[] calldata places) external view returns (uint256[] memory) {
        return _build(underlying, places);
    }

    /// @inheritdoc ISheets
    function buildFor(Expiry[] calldata expiries) external view returns (uint256[] memory sheet) {
        uint256 rows;
        for (uint256 e = 0; e < expiries.length; ++e) rows += expiries[e].strikes.length;
        uint256 first = SheetRows.firstRow(expiries.length);
        sheet = new uint256[](first + rows * SheetRows.ROW_WORDS);
        sheet[SheetRows.MAP_WORDS] = expiries.length;
        uint256 table = Normal.load(normalTable);
        uint256 row;
        for (uint256 e = 0; e < expiries.length; ++e) {
            Expiry calldata expiry = expiries[e];
            SheetRows.Term memory term = SheetRows.termOf(expiry.forward, expiry.time, expiry.settled);
            sheet[SheetRows.MAP_WORDS + 1 + e] = SheetRows.headerOf(term, row, expiry.strikes.length);
            for (uint256 i = 0; i < expiry.strikes.length; ++i) {
                // CAST: a sheet has at most 256 places.
                _mapPlace(sheet, uint8(row), (1 << 15) | (e << 8) | row);
                uint256 out;
                uint256 index = first + row++ * SheetRows.ROW_WORDS;
                assembly ("memory-safe") {
                    out := add(add(sheet, 32), shl(5, index))
                }
                SheetRows.write(table, term, expiry.strikes[i], expiry.sigmas[i], out);
            }
        }
    }

    /// @dev Nobody can make others' accounts dear to value by a newer sheet that leaves their strikes out.
    function _requireCoverage(address current, uint256[] memory words) private view {
        if (current == address(0)) return;
        uint256[16] memory map;
        assembly ("memory-safe") {
            extcodecopy(current, map, 1, 512)
        }
        for (uint256 i = 0; i < SheetRows.MAP_WORDS; ++i) {
            for (uint256 j = 0; j < 16; ++j) {
                if ((map[i] >> (16 * j)) & 0xffff == 0) continue;
                // CAST: below 256.
                require((words[i] >> (16 * j)) & 0xffff != 0, CoverageLost(uint8(i * 16 + j)));
            }
        }
    }

    /// @dev Creation code: eleven bytes that return what follows them, a STOP byte, the words.
    function _store(uint256[] memory words) private returns (address sheet) {
        bytes memory creation = abi.encodePacked(hex"600b5981380380925939f300", words);
        bytes32 hash = keccak256(abi.encodePacked(bytes1(0xff), address(this), bytes32(0), keccak256(creation)));
        // CAST: an address is the last twenty bytes.
        sheet = address(uint160(uint256(hash)));
        if (sheet.code.length != 0) return sheet;
        assembly ("memory-safe") {
            sheet := create2(0, add(creation, 32), mload(creation), 0)
            if iszero(sheet) {
                let pointer := mload(0x40)
                returndatacopy(pointer, 0, returndatasize())
                revert(pointer, returndatasize())
            }
        }
    }
}
