// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Fixed} from "../../math/Fixed.sol";
import {Normal} from "../../math/Normal.sol";
import {ISheets} from "./ISheets.sol";
import {SheetAddress} from "./SheetAddress.sol";
import {SheetBuilder} from "./SheetBuilder.sol";
import {SheetRows} from "./SheetRows.sol";

/// @notice Builds and keeps risk sheets. It holds nothing of accounts and nothing of its own, and no one is trusted: what is kept is computed
/// here, from what everybody can read.
contract Sheets is ISheets, SheetBuilder {
    uint256 private constant CHUNKS = 2;

    /// @dev Underlying and chunk of the sheet that is being created; 0: none.
    uint256 private transient _building;

    constructor(address feeds_, address listing_, address normalTable_) SheetBuilder(feeds_, listing_, normalTable_) {}

    /// @inheritdoc ISheets
    function publish(uint16 underlying, uint8 chunk) external returns (address sheet) {
        require(chunk < CHUNKS, ChunkInvalid(chunk, CHUNKS - 1));
        uint40 epoch = feeds.epochOf(underlying);
        sheet = SheetAddress.of_(address(this), underlying, chunk, epoch);
        if (sheet.code.length != 0) return sheet;
        _building = (1 << 255) | (uint256(underlying) << 8) | chunk;
        bytes memory creation = SheetAddress.CREATION;
        bytes32 salt = SheetAddress.salt(underlying, chunk, epoch);
        assembly ("memory-safe") {
            if iszero(create2(0, add(creation, 32), mload(creation), salt)) {
                let pointer := mload(0x40)
                returndatacopy(pointer, 0, returndatasize())
                revert(pointer, returndatasize())
            }
        }
        _building = 0;
        emit SheetPublished(underlying, chunk, epoch, sheet);
    }

    /// @inheritdoc ISheets
    function content() external view {
        require(_building != 0, NotBuilding());
        // CAST: as publish laid them.
        (uint16 underlying, uint8 chunk) = (uint16(_building >> 8), uint8(_building));
        uint256 shift = chunk * SheetAddress.CHUNK_PLACES;
        uint256 bitmap = (listing.placesOf(underlying) >> shift) & type(uint128).max;
        require(bitmap != 0, NothingListed(underlying, chunk));
        uint256[] memory words = _build(underlying, bitmap << shift);
        assembly ("memory-safe") {
            // The length is not needed any more: its last byte becomes the zero byte before the words.
            let size := shl(5, mload(words))
            mstore(words, 0)
            return(add(words, 31), add(size, 1))
        }
    }

    /// @inheritdoc ISheets
    function sheetOf(uint16 underlying, uint8 chunk) external view returns (address sheet) {
        sheet = SheetAddress.of_(address(this), underlying, chunk, feeds.epochOf(underlying));
        if (sheet.code.length == 0) sheet = address(0);
    }

    /// @inheritdoc ISheets
    function build(uint16 underlying, uint256 bitmap) external view returns (uint256[] memory) {
        _return(_build(underlying, bitmap));
    }

    /// @dev As Solidity would, without copying word by word.
    function _return(uint256[] memory sheet) private pure {
        assembly ("memory-safe") {
            let first := sub(sheet, 32)
            mstore(first, 32)
            return(first, add(64, shl(5, mload(sheet))))
        }
    }

    /// @inheritdoc ISheets
    function buildFor(Expiry[] calldata expiries) external view returns (uint256[] memory sheet) {
        unchecked {
            uint256 rows;
            for (uint256 e = 0; e < expiries.length; ++e) rows += expiries[e].strikes.length;
            sheet = _empty((1 << rows) - 1, expiries.length, rows);
            uint256 table = Normal.load(normalTable);
            uint256 row;
            for (uint256 e = 0; e < expiries.length; ++e) {
                Expiry calldata expiry = expiries[e];
                (uint128[] calldata strikes, uint256[] calldata sigmas) = (expiry.strikes, expiry.sigmas);
                SheetRows.Term memory term = SheetRows.termOf(expiry.forward, expiry.time, expiry.averaged);
                sheet[SheetRows.HEAD_WORDS + 2 * e] = SheetRows.headerOf(term, row, strikes.length);
                uint256 first = row;
                (uint256 place, uint256 out) = _rowAt(sheet, row);
                for (uint256 i = 0; i < strikes.length; ++i) {
                    // CAST: termOf holds the forward below 2^96.
                    int256 ratio = Fixed.lnRatio(strikes[i], uint128(term.forward));
                    SheetRows.write(table, term, strikes[i], ratio, sigmas[i], out);
                    _note(place, row);
                    (place, out, row) = (place + 1, out + SheetRows.ROW_WORDS * 32, row + 1);
                }
                if (row != first) sheet[SheetRows.HEAD_WORDS + 2 * e + 1] = SheetRows.spanOf(sheet, first, row - first);
            }
        }
        _return(sheet);
    }
}
