// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title Risk sheets of each underlying, kept as contract code at an address that is the hash of their content
interface ISheets {
    /// @param forward 18 decimals
    /// @param time    years, Q64
    /// @param settled the price is final
    /// @param strikes 18 decimals
    /// @param sigmas  of each strike, per sqrt year, Q64
    struct Expiry {
        uint256 forward;
        uint256 time;
        bool settled;
        uint256[] strikes;
        uint256[] sigmas;
    }

    event SheetPublished(uint16 indexed underlying, address indexed sheet, uint256 rows);
    event CoverageReset(uint16 indexed underlying);

    error SheetTooLarge(uint256 places, uint256 most);
    error CoverageLost(uint8 place);

    /// @notice Values the places in all scenarios at the feeds as they are, and makes that the underlying's sheet. Anyone. The same places
    ///         at the same feed words give the same address; a sheet that exists already is not written again.
    /// @param places at least those of the current sheet, in any order, none twice
    function publish(uint16 underlying, uint8[] calldata places) external returns (address sheet);

    /// @notice Lets the next sheet cover fewer places: expired ones are dropped so. GOVERNOR.
    function resetCoverage(uint16 underlying) external;

    /// @notice The latest sheet, code of one zero byte and then words as SheetRows says; 0 before the first. Whether it is current is told
    ///         by its stamps, expiry by expiry.
    function sheetOf(uint16 underlying) external view returns (address);

    /// @notice Words of a sheet of these places at the feeds as they are, kept nowhere: what publish would store.
    /// @param places in any order, none twice
    function build(uint16 underlying, uint8[] calldata places) external view returns (uint256[] memory words);

    /// @notice Words of a sheet of anything: for tools and proofs. Places are running numbers of the strikes, at most 256.
    function buildFor(Expiry[] calldata expiries) external view returns (uint256[] memory words);
}
