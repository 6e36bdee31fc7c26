// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IFund} from "../../src/hub/liquidation/IFund.sol";
import {Account as HubAccount, AccountLib} from "../../src/types/Account.sol";
import {LevyFixture} from "./LevyFixture.sol";

/// @notice Random histories of stakes, exits, gains, losses and insolvent accounts, with the levy that says what is known to be missing.
contract FundInvariant is LevyFixture {
    /// @dev Of the fund; up to there nobody is kept.
    uint256 private constant DUST_DIVISOR = 1000;

    HubAccount[] internal _stakers;
    /// @dev In auction, as the reports say.
    HubAccount[] internal _debtors;
    uint16[2] internal _marketsHere = [BTC, ETH];
    /// @dev By which the payouts of debtors may grow.
    mapping(HubAccount debtor => uint256) private _margins;

    function setUp() public override {
        super.setUp();
        _fund.setLevy(_levy);
        for (uint256 i; i < 4; ++i) {
            _stakers.push(AccountLib.encode(makeAddr(string(abi.encodePacked("staker", i))), 0, 0));
            _debtors.push(AccountLib.encode(makeAddr(string(abi.encodePacked("debtor", i))), 0, 0));
        }
        _fund.setTranche(ETH, 0.4e18);
        bytes4[] memory selectors = new bytes4[](10);
        selectors[0] = this.stake.selector;
        selectors[1] = this.announce.selector;
        selectors[2] = this.cancel.selector;
        selectors[3] = this.leave.selector;
        selectors[4] = this.earn.selector;
        selectors[5] = this.lose.selector;
        selectors[6] = this.book.selector;
        selectors[7] = this.report.selector;
        selectors[8] = this.heal.selector;
        selectors[9] = this.spread.selector;
        targetSelector(FuzzSelector({addr: address(this), selectors: selectors}));
        targetContract(address(this));
    }

    function stake(uint256 who, uint256 cash) external {
        HubAccount staker = _stakers[who % _stakers.length];
        cash = (cash % 1e6) * 1e18;
        if (_fund.sharesFor(cash) == 0) return;
        _deposit(staker, cash);
        _fund.collectInterest();
        uint256 before = _fund.cashFor(1e30);
        _as(staker);
        _fund.stake(staker, uint128(cash), "");
        assertGe(_fund.cashFor(1e30), before, "a stake takes nothing from others");
    }

    function announce(uint256 who, uint256 part) external {
        HubAccount staker = _stakers[who % _stakers.length];
        uint256 shares = (_fund.sharesOf(staker) * (part % 101)) / 100;
        if (shares == 0 || _fund.exitOf(staker).shares != 0) return;
        _as(staker);
        _fund.requestExit(staker, shares);
    }

    function cancel(uint256 who) external {
        HubAccount staker = _stakers[who % _stakers.length];
        if (_fund.exitOf(staker).shares == 0) return;
        _as(staker);
        _fund.cancelExit(staker);
    }

    function leave(uint256 who, uint256 wait) external {
        HubAccount staker = _stakers[who % _stakers.length];
        uint40 readyAt = _fund.exitOf(staker).readyAt;
        if (readyAt == 0) return;
        // Up to a day after the window.
        vm.warp(Math.max(block.timestamp, readyAt) + (wait % 3 days));
        if (_fund.exitOf(staker).shares == 0) return;
        _fund.collectInterest();
        uint256 most = _fund.assets() / DUST_DIVISOR;
        uint256 worst = _worst();
        if (worst > most) {
            vm.expectRevert(abi.encodeWithSelector(IFund.LossKnown.selector, worst, most));
            _fund.exit(staker);
            return;
        }
        uint256 before = _fund.cashFor(1e30);
        _fund.exit(staker);
        assertGe(_fund.cashFor(1e30), before, "an exit takes nothing from others");
    }

    /// @dev What is missing, and what auctions of insolvent accounts may pay beyond it: each a whole maintenance margin.
    function _worst() private view returns (uint256 worst) {
        worst = _levy.insolvency();
        for (uint256 i; i < _debtors.length; ++i) worst += _margins[_debtors[i]];
    }

    function earn(uint256 cash) external {
        _deposit(_fund.account(), (1 + (cash % 1e6)) * 1e18);
    }

    /// @notice An insolvent account's payout: of the fund what its tranche gives, the rest a deficit.
    function lose(uint256 cash, bool ofEth, uint256 chance) external {
        if (chance % 8 != 0) return;
        (uint16 market, uint256 loss) = (_marketsHere[ofEth ? 1 : 0], (cash % 2e6) * 1e18);
        _fund.collectInterest();
        uint256 before = _fund.assets();
        uint256 most = _fund.available(market);
        uint256 paid = _fund.pay(_dave, market, loss);
        assertLe(paid, most);
        assertLe(paid, loss);
        assertEq(_fund.assets(), before - paid);
        _book(market, loss - paid);
    }

    /// @notice A loss that the fund was not asked about.
    function book(uint256 cash, bool ofEth, uint256 chance) external {
        if (chance % 8 != 0) return;
        _book(_marketsHere[ofEth ? 1 : 0], (cash % 1e5) * 1e18);
    }

    /// @dev What one account lacks others have won.
    function _book(uint16 market, uint256 cash) private {
        if (cash == 0) return;
        _ledger.changeCash(_dave, int256(cash));
        _lose(market, cash);
    }

    /// @notice An auction of an insolvent account goes on: what it is short of is known anew.
    function report(uint256 who, uint256 cash, uint256 margin, bool ofEth) external {
        _report(
            _debtors[who % _debtors.length],
            _marketsHere[ofEth ? 1 : 0],
            (cash % 1e3) * 1e18,
            (margin % 1e4) * 1e18
        );
    }

    /// @notice It is healthy again, or sold.
    function heal(uint256 who) external {
        _report(_debtors[who % _debtors.length], BTC, 0, 0);
        _report(_debtors[(who % _debtors.length) ^ 1], BTC, 0, 0);
    }

    function _report(HubAccount debtor, uint16 market, uint256 cash, uint256 margin) private {
        _levy.reportShortfall(debtor, market, cash, margin);
        _margins[debtor] = margin;
    }

    /// @notice Levies close, and what they leave becomes a loss of all cash: of the fund's too.
    function spread(uint256 wait) external {
        vm.warp(block.timestamp + 15 minutes + (wait % 1 hours));
        for (uint256 i; i < _marketsHere.length; ++i) {
            uint64 id = _levy.newestOf(_marketsHere[i]);
            if (id == 0 || _levy.levyOf(id).closed || _levy.levyOf(id).until > block.timestamp) continue;
            _levy.close(id);
        }
    }

    function invariant_INV_LIQ_3_INV_FUND_1_SharesAreCoveredAndCashIsWhatWasGiven() public view {
        uint256 shares;
        uint256 worth;
        for (uint256 i; i < _stakers.length; ++i) {
            uint256 own = _fund.sharesOf(_stakers[i]);
            shares += own;
            worth += _fund.cashFor(own);
        }
        assertEq(shares, _fund.totalShares(), "shares sum");
        assertLe(worth, _fund.assets(), "INV-LIQ-3");
        assertGe(_ledger.cashOf(_fund.account()), 0, "the fund never owes");
        assertEq(_levy.worstLoss(), _worst(), "what is known that the fund may have to pay");
        _checkSums();
    }
}
