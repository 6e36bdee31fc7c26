// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Account} from "../../types/Account.sol";
import {ILedger} from "../ILedger.sol";
import {IMargin} from "../markets/IMargin.sol";
import {IPositionWatcher} from "../markets/IPositionWatcher.sol";
import {Grade} from "../risk/FeedGrade.sol";
import {IFeeds} from "../risk/IFeeds.sol";
import {Risk} from "../risk/IRiskEngine.sol";
import {AuctionMath} from "./AuctionMath.sol";
import {IDeficitSink} from "./IDeficitSink.sol";
import {IFund} from "./IFund.sol";
import {ILevy} from "./ILevy.sol";
import {LossWatch} from "./LossWatch.sol";

/// @notice See ILevy. This part takes from those who won.
/// @dev A module of the ledger (it moves cash by two changes that sum to zero, spreads losses, sets the brake) and of the markets (it watches,
///      and holds accounts). Needs no lock: it calls the hub's own contracts alone, and none of them calls out.
contract Levy is LossWatch {
    using SafeCast for uint256;

    uint40 private constant WINDOW = 15 minutes;
    /// @inheritdoc ILevy
    uint64 public levyCount;
    mapping(uint64 id => mapping(Account account => Registration)) private _registrations;
    /// @dev Levy of an underlying that an account was registered with and has not paid; 0: none.
    mapping(uint16 underlying => mapping(Account account => uint64 id)) private _pending;
    /// @inheritdoc ILevy
    mapping(Account account => uint256 cash) public reservedOf;
    /// @dev In which period of its underlying a levy opened.
    mapping(uint64 id => uint64 period) private _periods;

    constructor(
        address authority,
        ILedger ledger_,
        IMargin margin_,
        IFund fund_
    ) LossWatch(authority, ledger_, margin_, fund_) {}

    // ---- Liquidation

    /// @inheritdoc IDeficitSink
    function reportDeficit(uint16 market, uint256 cash) external onlyLiquidation {
        _hit(market);
        emit DeficitReported(market, cash);
        review();
        // One that is open is not closed here: that could spread a loss over the account that is just being sold.
        if (market == 0 || _isOpen(market)) return;
        // At once, so that nothing is between. Where there is no price the market stays watched.
        try this.open(market) {} catch {}
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
        _hit(underlying);
        _follow(underlying, _ledger.isBraked());
        _periods[id] = _watches[underlying].period;
        emit LevyOpened(id, underlying, deficit, mark.value, until);
    }

    /// @inheritdoc IPositionWatcher
    function beforeChange(Account account, uint16 underlying) external {
        require(msg.sender == address(_markets), NotMarkets(msg.sender, address(_markets)));
        _sight(account, underlying);
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
        LevyView storage levy = _levies[id];
        bool first = !r.seen;
        registered = r.registered;
        if (first) {
            r.seen = true;
            uint64 earlier = _pending[levy.underlying][account];
            if (earlier != 0) settle(earlier, account);
            // CAST: capped.
            r.profit = uint112(
                Math.min(_gained(account, levy.underlying, levy.price, _periods[id]), type(uint112).max)
            );
        }
        // What margin left out at first may be taken later: the profit does not change any more.
        if (registered == r.profit && !first) return registered;
        Risk memory risk;
        uint256 amount;
        if (r.profit != 0) {
            risk = _margin.riskOf(account);
            // CAST: an engine's margins are far below 2^255; what is registered is not negative.
            amount = uint256(
                AuctionMath.registered(int256(uint256(r.profit)), risk.equity, int256(risk.maintenanceMargin))
            );
        }
        if (amount <= registered && !first) return registered;
        emit Registered(id, Account.unwrap(account), r.profit, risk.equity, risk.maintenanceMargin, amount);
        if (amount == 0) return 0;
        // CAST: at most the profit.
        uint128 more = uint128(amount - registered);
        r.registered += more;
        levy.total += more;
        _pending[levy.underlying][account] = id;
        reservedOf[account] += more;
        if (registered == 0) _markets.hold(account, true);
        return amount;
    }

    // ---- paying

    /// @inheritdoc ILevy
    function close(uint64 id) public {
        LevyView storage levy = _known(id);
        require(block.timestamp >= levy.until, WindowOpen(id, levy.until));
        if (levy.closed) return;
        levy.closed = true;
        uint16 underlying = levy.underlying;
        uint256 covered = Math.min(levy.deficit, levy.total);
        uint256 rest = Math.min(levy.deficit - covered, _uncovered(underlying));
        // CAST: at most the deficit.
        levy.left = uint128(covered);
        _collectible[underlying] += covered;
        if (rest != 0) rest = _spread(underlying, rest);
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
        _notePaid(account, underlying, _periods[id], levied);
        emit LevyPaid(id, Account.unwrap(account), registered, levied, levied - covers);
    }

    /// @inheritdoc ILevy
    function spread() external returns (uint256 cash) {
        _liquidation.cover(0);
        cash = _uncovered(0);
        require(cash >= LEAST, DeficitTooSmall(0, cash, LEAST));
        cash = _ledger.spreadLoss(_liquidation.deficitAccount(0), cash);
        review();
    }

    /// @dev What all cash bears of it; 0 where there is none left to bear anything: then it stays a deficit.
    function _spread(uint16 underlying, uint256 cash) private returns (uint256) {
        try _ledger.spreadLoss(_liquidation.deficitAccount(underlying), cash) returns (uint256 borne) {
            return borne;
        } catch {
            return 0;
        }
    }

    function _move(Account from, Account to, uint256 cash) private {
        if (cash == 0) return;
        // CAST: at most what is registered, of 128 bits.
        _ledger.moveCash(from, to, int256(cash));
    }

    // ---- views

    /// @inheritdoc ILevy
    function claimOf(Account account) external view returns (uint256 cash) {
        cash = reservedOf[account];
        for (uint256 i; i < _watched.length; ++i) {
            uint16 underlying = _watched[i];
            // What is registered with a levy that is open is reserved already.
            if (_isOpen(underlying) && _registrations[newestOf[underlying]][account].seen) continue;
            cash += _gained(account, underlying, _priceOf(underlying), _watches[underlying].period);
        }
    }

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
