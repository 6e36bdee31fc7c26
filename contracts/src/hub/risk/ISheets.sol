// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title Risk sheets of each underlying, kept as contract code at an address that hangs on the epoch they are of
/// @notice An epoch begins whenever anything changes that an underlying's options are priced from (IFeeds.epochOf). Of an epoch there is one
///         sheet per chunk of the listing, whoever publishes it. See SheetRows for its words, which stand after a byte of zero.
interface ISheets {
    /// @param forward 18 decimals
    /// @param time    years, Q64
    /// @param averaged  share of the forward that no scenario moves, 2^-15; all of it once the price is known
    /// @param strikes 18 decimals
    /// @param sigmas  of each strike, per sqrt year, Q64
    struct Expiry {
        uint256 forward;
        uint256 time;
        uint16 averaged;
        uint128[] strikes;
        uint256[] sigmas;
    }

    event SheetPublished(uint16 indexed underlying, uint8 indexed chunk, uint40 indexed epoch, address sheet);

    error ChunkInvalid(uint8 chunk, uint256 most);
    error NothingListed(uint16 underlying, uint8 chunk);
    error NotBuilding();

    /// @notice Values all listed places of a chunk in all scenarios at the feeds as they are. Anyone; nothing is done where that sheet
    ///         exists already.
    /// @param chunk 0: places below 128, 1: from 128 up
    function publish(uint16 underlying, uint8 chunk) external returns (address sheet);

    /// @notice What the sheet that is being created asks for: its code. Reverts at any other time.
    function content() external view;

    /// @notice The sheet of the epoch that runs now; 0 while nobody published it.
    function sheetOf(uint16 underlying, uint8 chunk) external view returns (address);

    /// @notice Words of a sheet of some places at the feeds as they are, kept nowhere. The same places give the same rows as in any sheet of
    ///         this epoch.
    /// @param bitmap a bit per place, all listed
    function build(uint16 underlying, uint256 bitmap) external view returns (uint256[] memory words);

    /// @notice Words of a sheet of anything: for tools and proofs. Places are running numbers of the strikes, at most 255.
    function buildFor(Expiry[] calldata expiries) external view returns (uint256[] memory words);
}
