// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Account} from "../../types/Account.sol";
import {ILedger} from "../ILedger.sol";
import {IMargin} from "../markets/IMargin.sol";
import {IMarkets} from "../markets/IMarkets.sol";
import {IPositionWatcher} from "../markets/IPositionWatcher.sol";
import {Grade} from "../risk/FeedGrade.sol";
import {IFeeds} from "../risk/IFeeds.sol";
import {Risk} from "../risk/IRiskEngine.sol";
import {AuctionMath} from "./AuctionMath.sol";
import {IDeficits} from "./IDeficits.sol";
import {IDeficitSink} from "./IDeficitSink.sol";
import {IFund} from "./IFund.sol";
import {ILevy} from "./ILevy.sol";
import {Profits} from "./Profits.sol";

/// @notice See ILevy.
/// @dev A module of the ledger (it moves cash by two changes that sum to zero, spreads losses, sets the brake) and of the markets (it watches,
///      and holds accounts). Needs no lock: it calls the hub's own contracts alone, and none of them calls out.
contract Levy is ILevy, AccessManaged {
    using SafeCast for uint256;

    uint40 private constant WINDOW = 15 minutes;
    /// @dev A deficit of less than a unit of cash is dust: nobody is stopped or bothered for it.
    uint256 private constant LEAST = 1e18;

    ILedger private immutable _ledger;
    IMargin private immutable _margin;
    IMarkets private immutable _markets;
    IFeeds private immutable _feeds;
    IFund private immutable _fund;

    /// @inheritdoc ILevy
    uint64 public levyCount;
    IDeficits private _liquidation;
    mapping(uint64 id => LevyView) private _levies;
    /// @inheritdoc ILevy
    mapping(uint16 underlying => uint64 id) public newestOf;
    mapping(uint64 id => mapping(Account account => Registration)) private _registrations;
    /// @dev Levy of an underlying that an account was registered with and has not paid; 0: none.
    mapping(uint16 underlying => mapping(Account account => uint64 id)) private _pending;
    /// @inheritdoc ILevy
    mapping(Account account => uint256 cash) public reservedOf;
    /// @dev What closed levies of an underlying have yet to collect.
    mapping(uint16 underlying => uint256 cash) private _collectible;
    mapping(Account account => uint256 cash) private _shortfalls;
    uint256 private _shortfall;
    /// @dev Underlyings that ever had a deficit.
    uint16[] private _marketsHit;
    mapping(uint16 underlying => bool) private _isHit;

    modifier onlyLiquidation() {
        require(msg.sender == address(_liquidation), NotLiquidation(msg.sender, address(_liquidation)));
        _;
    }

    constructor(address authority, ILedger ledger_, IMargin margin_, IFund fund_) AccessManaged(authority) {
        (_ledger, _margin, _fund) = (ledger_, margin_, fund_);
        (_markets, _feeds) = (margin_.markets(), margin_.feeds());
    }

    // ---- Liquidation

    /// @inheritdoc IDeficitSink
    function reportDeficit(uint16 underlying, uint256 cash) external onlyLiquidation {
        if (!_isHit[underlying]) {
            _isHit[underlying] = true;
            _marketsHit.push(underlying);
        }
        emit DeficitReported(underlying, cash);
        review();
    }

    /// @inheritdoc IDeficitSink
    function reportShortfall(Account account, uint256 cash) external onlyLiquidation {
        _shortfall = _shortfall - _shortfalls[account] + cash;
        _shortfalls[account] = cash;
        emit ShortfallReported(Account.unwrap(account), cash);
        review();
    }

    // ---- registering

    /// @inheritdoc ILevy
    function open(uint16 underlying) external returns (uint64 id) {
        uint64 last = newestOf[underlying];
        if (last != 0 && !_levies[last].closed) {
            require(block.timestamp >= _levies[last].until, LevyOpen(underlying, last, _levies[last].until));
            close(last);
        }
        _liquidation.cover(underlying);
        uint256 deficit = _uncovered(underlying);
        require(underlying != 0 && deficit >= LEAST, DeficitTooSmall(underlying, deficit, LEAST));
        IFeeds.Point memory mark = _feeds.mark(underlying);
        require(mark.grade <= Grade.Aged && mark.value != 0, PriceUnusable(underlying));
        id = ++levyCount;
        newestOf[underlying] = id;
        LevyView storage levy = _levies[id];
        // CAST: seconds.
        uint40 until = uint40(block.timestamp) + WINDOW;
        (levy.underlying, levy.deficit, levy.price, levy.until) = (underlying, deficit.toUint128(), mark.value, until);
        _markets.watch(underlying, true);
        emit LevyOpened(id, underlying, deficit, mark.value, until);
    }

    /// @inheritdoc IPositionWatcher
    function beforeChange(Account account, uint16 underlying) external {
        require(msg.sender == address(_markets), NotMarkets(msg.sender, address(_markets)));
        uint64 id = newestOf[underlying];
        if (block.timestamp < _levies[id].until) _register(id, account);
    }

    /// @inheritdoc ILevy
    function register(uint64 id, Account account) external returns (uint256 registered) {
        LevyView storage levy = _known(id);
        require(block.timestamp < levy.until, WindowOver(id, levy.until));
        return _register(id, account);
    }

    function _register(uint64 id, Account account) private returns (uint256 registered) {
        Registration storage r = _registrations[id][account];
        if (r.seen) return r.registered;
        r.seen = true;
        LevyView storage levy = _levies[id];
        uint16 underlying = levy.underlying;
        uint64 earlier = _pending[underlying][account];
        if (earlier != 0) settle(earlier, account);
        int256 profit = Profits.at(_markets, account, underlying, levy.price);
        Risk memory risk;
        if (profit > 0) {
            risk = _margin.riskOf(account);
            // CAST: an engine's margins are far below 2^255; what is registered is not negative.
            registered = uint256(AuctionMath.registered(profit, risk.equity, int256(risk.maintenanceMargin)));
        }
        emit Registered(id, Account.unwrap(account), profit, risk.equity, risk.maintenanceMargin, registered);
        if (registered == 0) return 0;
        uint128 amount = registered.toUint128();
        r.registered = amount;
        levy.total += amount;
        _pending[underlying][account] = id;
        reservedOf[account] += registered;
        _markets.hold(account, true);
    }

    // ---- paying

    /// @inheritdoc ILevy
    function close(uint64 id) public {
        LevyView storage levy = _known(id);
        require(block.timestamp >= levy.until, WindowOpen(id, levy.until));
        if (levy.closed) return;
        levy.closed = true;
        uint16 underlying = levy.underlying;
        _markets.watch(underlying, false);
        uint256 covered = Math.min(levy.deficit, levy.total);
        uint256 rest = Math.min(levy.deficit - covered, _uncovered(underlying));
        // CAST: at most the deficit.
        levy.left = uint128(covered);
        _collectible[underlying] += covered;
        if (rest != 0 && !_spread(underlying, rest)) rest = 0;
        emit LevyClosed(id, levy.deficit, levy.total, rest);
        review();
    }

    /// @inheritdoc ILevy
    function settle(uint64 id, Account account) public returns (uint256 levied) {
        LevyView storage levy = _known(id);
        if (!levy.closed) close(id);
        Registration storage r = _registrations[id][account];
        require(r.seen, NotRegistered(id, Account.unwrap(account)));
        require(!r.settled, AlreadySettled(id, Account.unwrap(account)));
        levied = owedBy(id, account);
        r.settled = true;
        uint256 registered = r.registered;
        if (registered == 0) return 0;
        uint16 underlying = levy.underlying;
        delete _pending[underlying][account];
        uint256 reserved = reservedOf[account] - registered;
        reservedOf[account] = reserved;
        if (reserved == 0) _markets.hold(account, false);
        uint256 due = Math.min(levied, levy.left);
        // CAST: a part of what was left.
        levy.left -= uint128(due);
        _collectible[underlying] -= due;
        Account debtor = _liquidation.deficitAccount(underlying);
        // What the fund has covered in the meantime is the fund's.
        uint256 covers = Math.min(due, _owes(debtor));
        _move(account, debtor, covers);
        _move(account, _fund.account(), levied - covers);
        emit LevyPaid(id, Account.unwrap(account), registered, levied, levied - covers);
    }

    /// @inheritdoc ILevy
    function spread() external returns (uint256 cash) {
        _liquidation.cover(0);
        cash = _uncovered(0);
        require(cash >= LEAST, DeficitTooSmall(0, cash, LEAST));
        _ledger.spreadLoss(_liquidation.deficitAccount(0), cash);
        review();
    }

    /// @dev False where too little cash is left to bear it: then it stays a deficit.
    function _spread(uint16 underlying, uint256 cash) private returns (bool) {
        try _ledger.spreadLoss(_liquidation.deficitAccount(underlying), cash) {
            return true;
        } catch {
            return false;
        }
    }

    function _move(Account from, Account to, uint256 cash) private {
        if (cash == 0) return;
        // CAST: at most what is registered, of 128 bits.
        _ledger.changeCash(from, -int256(cash));
        _ledger.changeCash(to, int256(cash));
    }

    // ---- the brake

    /// @inheritdoc ILevy
    function review() public returns (bool braked) {
        uint256 missing = insolvency();
        uint256 fund = _fund.assets();
        braked = missing > fund && missing >= LEAST;
        if (braked == _ledger.isBraked()) return braked;
        _ledger.setBrake(braked);
        emit BrakeReviewed(braked, missing, fund);
    }

    /// @inheritdoc ILevy
    function insolvency() public view returns (uint256 cash) {
        cash = _shortfall + _uncovered(0);
        for (uint256 i; i < _marketsHit.length; ++i) {
            if (_marketsHit[i] != 0) cash += _uncovered(_marketsHit[i]);
        }
    }

    /// @dev Deficit that no closed levy collects.
    function _uncovered(uint16 underlying) private view returns (uint256) {
        return Math.saturatingSub(_owes(_liquidation.deficitAccount(underlying)), _collectible[underlying]);
    }

    function _owes(Account account) private view returns (uint256) {
        int256 cash = _ledger.cashOf(account);
        // CAST: not negative.
        return cash < 0 ? uint256(-cash) : 0;
    }

    // ---- governance

    /// @inheritdoc ILevy
    function setLiquidation(IDeficits liquidation_) external restricted {
        _liquidation = liquidation_;
        emit LiquidationSet(address(liquidation_));
    }

    // ---- views

    /// @inheritdoc ILevy
    function levyOf(uint64 id) external view returns (LevyView memory) {
        return _levies[id];
    }

    /// @inheritdoc ILevy
    function registrationOf(uint64 id, Account account) external view returns (Registration memory) {
        return _registrations[id][account];
    }

    /// @inheritdoc ILevy
    function owedBy(uint64 id, Account account) public view returns (uint256) {
        LevyView storage levy = _levies[id];
        Registration storage r = _registrations[id][account];
        if (r.settled) return 0;
        // CAST: 128 bits; not negative.
        return
            uint256(
                AuctionMath.levyOf(
                    int256(uint256(r.registered)),
                    int256(uint256(levy.deficit)),
                    int256(uint256(levy.total))
                )
            );
    }

    function _known(uint64 id) private view returns (LevyView storage levy) {
        levy = _levies[id];
        require(levy.until != 0, LevyUnknown(id));
    }
}
