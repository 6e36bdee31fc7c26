// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {Account} from "../../types/Account.sol";
import {ILedger} from "../ILedger.sol";
import {IMarkets} from "../markets/IMarkets.sol";
import {Wad} from "../risk/Wad.sol";
import {IHandover} from "./IHandover.sol";

/// @notice See IHandover. A module of the ledger and of the markets.
contract Handover is IHandover, AccessManaged {
    uint256 private constant ONE = 1e18;

    /// @inheritdoc IHandover
    ILedger public immutable ledger;
    IMarkets private immutable _markets;

    /// @inheritdoc IHandover
    mapping(address auctioneer => bool) public isAuctioneer;
    mapping(uint64 id => uint16[]) private _assets;
    mapping(uint64 id => mapping(uint16 assetId => uint128)) private _amounts;
    mapping(uint64 id => Route[]) private _routes;

    modifier onlyAuctioneer() {
        require(isAuctioneer[msg.sender], NotAuctioneer(msg.sender));
        _;
    }

    constructor(address authority, ILedger ledger_, IMarkets markets) AccessManaged(authority) {
        (ledger, _markets) = (ledger_, markets);
    }

    // ---- auctioneers

    /// @inheritdoc IHandover
    function slice(
        uint64 id,
        Account from,
        Account to,
        uint64 share,
        int256 reserve
    ) external onlyAuctioneer returns (int256 cash) {
        _markets.transferSlice(from, to, share);
        _collateral(id, from, to, share);
        // After the slice: expired options have become cash by now.
        cash = Wad.mulDown(ledger.cashOf(from) - reserve, int256(uint256(share)));
        if (cash != 0) ledger.moveCash(from, to, cash);
    }

    /// @inheritdoc IHandover
    function give(
        uint64 id,
        Account from,
        Account to,
        uint16[] calldata assetIds,
        uint128[] calldata amounts
    ) external onlyAuctioneer {
        for (uint256 i; i < assetIds.length; ++i) _give(id, from, to, assetIds[i], amounts[i]);
    }

    /// @inheritdoc IHandover
    function routed(uint64 id, Account bidder, uint64 firstClaim, uint256 legs) external onlyAuctioneer {
        // CAST: a request of more legs does not fit into a block.
        _routes[id].push(Route(bidder, firstClaim, uint32(legs)));
        emit RouteChosen(id, Account.unwrap(bidder), firstClaim, legs);
    }

    // ---- anyone

    /// @inheritdoc IHandover
    function settleWrittenDown(Account account) external {
        if (!ledger.anyWrittenDown()) return;
        // A successor may have been written down again: as often as something was turned, it is looked at once more.
        for (bool again = true; again;) {
            again = false;
            (uint16[] memory assetIds, ) = ledger.collateralOf(account);
            for (uint256 i; i < assetIds.length; ++i) {
                (, uint16 successor) = ledger.writtenDownOf(assetIds[i]);
                if (successor == 0) continue;
                ledger.settleWrittenDown(account, assetIds[i]);
                again = true;
            }
        }
    }

    // ---- governance

    /// @inheritdoc IHandover
    function setAuctioneer(address auctioneer, bool enabled) external restricted {
        isAuctioneer[auctioneer] = enabled;
        emit AuctioneerSet(auctioneer, enabled);
    }

    // ---- views

    /// @inheritdoc IHandover
    function recordOf(uint64 id) external view returns (Touched[] memory touched, Route[] memory routes) {
        uint16[] memory assetIds = _assets[id];
        touched = new Touched[](assetIds.length);
        for (uint256 i; i < assetIds.length; ++i) {
            (uint32 eid, uint16 asset) = ledger.assetKey(assetIds[i]);
            touched[i] = Touched(assetIds[i], eid, asset, _amounts[id][assetIds[i]]);
        }
        routes = _routes[id];
    }

    // ---- inner

    function _collateral(uint64 id, Account from, Account to, uint64 share) private {
        (uint16[] memory assetIds, uint128[] memory held) = ledger.collateralOf(from);
        // CAST: parts of balances.
        for (uint256 i; i < assetIds.length; ++i)
            _give(id, from, to, assetIds[i], uint128((held[i] * uint256(share)) / ONE));
    }

    function _give(uint64 id, Account from, Account to, uint16 assetId, uint128 amount) private {
        if (amount == 0) return;
        (uint32 eid, uint16 asset) = ledger.assetKey(assetId);
        ledger.take(from, eid, asset, amount);
        ledger.unreserve(to, eid, asset, amount, ILedger.ReserveSource.Balance);
        uint128 before = _amounts[id][assetId];
        if (before == 0) _assets[id].push(assetId);
        _amounts[id][assetId] = before + amount;
        emit AssetHandedOver(id, Account.unwrap(from), Account.unwrap(to), eid, asset, amount);
    }
}
