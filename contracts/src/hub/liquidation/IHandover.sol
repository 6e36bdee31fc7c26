// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Account} from "../../types/Account.sol";
import {ILedger} from "../ILedger.sol";

/// @notice Moves what bidders bought from account to account, and keeps one record per liquidation: what it touched on which chains, and by
///         which claims its bidders took it out.
/// @dev Everything here is a ledger entry: an asset is put aside (reserved) and released to the bidder's account instead of to a vault, custody
///      stays where it is. Only auctioneers call; ids are theirs, no two use the same.
interface IHandover {
    /// @param assetId hub-wide
    /// @param eid     chain whose vault holds it
    /// @param asset   index in that vault
    /// @param amount  Σ reserved and handed over, base units
    struct Touched {
        uint16 assetId;
        uint32 eid;
        uint16 asset;
        uint128 amount;
    }

    /// @notice A payout that a bidder chose together with his bid: its legs are claims of IWithdrawals, followed there to the receipt.
    /// @param firstClaim of the legs; the others follow it
    struct Route {
        Account bidder;
        uint64 firstClaim;
        uint32 legs;
    }

    event AuctioneerSet(address indexed auctioneer, bool enabled);
    event AssetHandedOver(
        uint64 indexed id,
        bytes32 indexed from,
        bytes32 indexed to,
        uint32 eid,
        uint16 asset,
        uint256 amount
    );
    event RouteChosen(uint64 indexed id, bytes32 indexed bidder, uint64 firstClaim, uint256 legs);

    error NotAuctioneer(address caller);

    // ---- auctioneers

    /// @notice Moves the share of every position, then of all enabled collateral, then of the cash without `reserve`. Sizes, lots and amounts
    ///         as IMarkets.transferSlice and truncation leave them: less than one unit of each stays behind. Cash is rounded down.
    /// @param share   18 decimals, above 0, at most 1
    /// @param reserve cash that is not for sale, 18 decimals
    /// @return cash   that moved; what expired options paid is part of what is shared
    function slice(uint64 id, Account from, Account to, uint64 share, int256 reserve) external returns (int256 cash);
    /// @notice Moves amounts of enabled collateral alone.
    /// @param amounts base units of each asset; 0 moves nothing
    function give(uint64 id, Account from, Account to, uint16[] calldata assetIds, uint128[] calldata amounts) external;
    /// @notice Notes a route in the record.
    function routed(uint64 id, Account bidder, uint64 firstClaim, uint256 legs) external;

    // ---- anyone

    /// @notice Turns every balance the account holds as collateral of assets that were written down into what was recovered of it, however often
    ///         they were (ILedger.settleWrittenDown). Auctions do it before they value an account: the old balance can neither be moved nor is
    ///         it worth what it says.
    function settleWrittenDown(Account account) external;

    // ---- governance (restricted)

    /// @notice GOVERNOR, delayed.
    function setAuctioneer(address auctioneer, bool enabled) external;

    // ---- views

    /// @notice The record of a liquidation, empty until collateral moved or a route was chosen.
    /// @return touched in the order in which they were first touched
    /// @return routes  in the order in which they were chosen
    function recordOf(uint64 id) external view returns (Touched[] memory touched, Route[] memory routes);
    function isAuctioneer(address caller) external view returns (bool);
    function ledger() external view returns (ILedger);
}
