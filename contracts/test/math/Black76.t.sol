// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Test} from "forge-std/Test.sol";

import {Black76} from "../../src/math/Black76.sol";
import {Fixed} from "../../src/math/Fixed.sol";
import {Normal} from "../../src/math/Normal.sol";
import {NormalTable} from "../../src/math/NormalTable.sol";

/// given the vectors the TypeScript twin and the 110-digit reference wrote
contract MathVectorsTest is Test {
    string private _functions;
    string private _options;
    uint256 private _table;
    address private _code;

    function setUp() public {
        _functions = vm.readFile("../shared/vectors/risk/functions.json");
        _options = vm.readFile("../shared/vectors/risk/options.json");
        _code = address(new NormalTable());
    }

    // ---- it gives the twin's bits

    function test_itComputesExpBitForBit() public view {
        int256[] memory x = vm.parseJsonIntArray(_functions, ".exp.x");
        uint256[] memory twin = vm.parseJsonUintArray(_functions, ".exp.twin");
        for (uint256 i = 0; i < x.length; i++) assertEq(Fixed.exp(x[i]), twin[i]);
    }

    function test_itComputesLnBitForBit() public view {
        uint256[] memory x = vm.parseJsonUintArray(_functions, ".ln.x");
        int256[] memory twin = vm.parseJsonIntArray(_functions, ".ln.twin");
        for (uint256 i = 0; i < x.length; i++) assertEq(Fixed.ln(x[i]), twin[i]);
    }

    function test_itComputesSqrtBitForBit() public view {
        uint256[] memory x = vm.parseJsonUintArray(_functions, ".sqrt.x");
        uint256[] memory twin = vm.parseJsonUintArray(_functions, ".sqrt.twin");
        for (uint256 i = 0; i < x.length; i++) assertEq(Fixed.sqrt(x[i]), twin[i]);
    }

    function test_itComputesTheNormalDistributionBitForBit() public view {
        uint256 table = Normal.load(_code);
        (int256[] memory x, int256[] memory twin) = _columns(".cdf");
        for (uint256 i = 0; i < x.length; i++) assertEq(Normal.cdf(table, x[i]), uint256(twin[i]));
        (x, twin) = _columns(".pdf");
        for (uint256 i = 0; i < x.length; i++) assertEq(Normal.pdf(x[i]), uint256(twin[i]));
    }

    function test_itComputesPricesAndGreeksBitForBit() public view {
        uint256 table = Normal.load(_code);
        Black76.Terms[] memory terms = _terms();
        int256[][6] memory expected = [
            vm.parseJsonIntArray(_options, ".price"),
            vm.parseJsonIntArray(_options, ".delta"),
            vm.parseJsonIntArray(_options, ".gamma"),
            vm.parseJsonIntArray(_options, ".vega"),
            vm.parseJsonIntArray(_options, ".theta"),
            vm.parseJsonIntArray(_options, ".rho")
        ];
        assertGt(terms.length, 200);
        for (uint256 i = 0; i < terms.length; i++) {
            Black76.Greeks memory g = Black76.greeks(table, terms[i]);
            assertEq(g.price, expected[0][i]);
            assertEq(g.delta, expected[1][i]);
            assertEq(g.gamma, expected[2][i]);
            assertEq(g.vega, expected[3][i]);
            assertEq(g.theta, expected[4][i]);
            assertEq(g.rho, expected[5][i]);
        }
    }

    // ---- it stays within the stated error of the reference

    function test_itPricesWithinTheStatedError() public view {
        uint256 table = Normal.load(_code);
        Black76.Terms[] memory terms = _terms();
        int256[] memory exact = vm.parseJsonIntArray(_options, ".reference");
        for (uint256 i = 0; i < terms.length; i++) {
            uint256 bound = ((uint256(terms[i].forward) + terms[i].strike) * 24) / 1e11 + 2;
            assertApproxEqAbs(int256(Black76.price(table, terms[i])), exact[i], bound);
        }
    }

    function test_itRefusesAnAddressThatHoldsNoTable() public {
        vm.expectRevert(abi.encodeWithSelector(Normal.NotANormalTable.selector, address(0xdead), 0));
        this.loadTable(address(0xdead));
    }

    function loadTable(address table) external view returns (uint256) {
        return Normal.load(table);
    }

    function _columns(string memory name) private view returns (int256[] memory x, int256[] memory twin) {
        x = vm.parseJsonIntArray(_functions, string.concat(name, ".x"));
        twin = vm.parseJsonIntArray(_functions, string.concat(name, ".twin"));
    }

    function _terms() private view returns (Black76.Terms[] memory terms) {
        uint256[][6] memory c = [
            vm.parseJsonUintArray(_options, ".forward"),
            vm.parseJsonUintArray(_options, ".strike"),
            vm.parseJsonUintArray(_options, ".sigma"),
            vm.parseJsonUintArray(_options, ".time"),
            vm.parseJsonUintArray(_options, ".discount"),
            vm.parseJsonUintArray(_options, ".isCall")
        ];
        terms = new Black76.Terms[](c[0].length);
        for (uint256 i = 0; i < terms.length; i++) {
            terms[i] = Black76.Terms(uint128(c[0][i]), uint128(c[1][i]), c[2][i], c[3][i], c[4][i], c[5][i] == 1);
        }
    }
}

/// given any option
contract Black76PropertiesTest is Test {
    address private _code = address(new NormalTable());

    struct Any {
        uint256 forward;
        uint256 strike;
        uint256 sigma;
        uint256 time;
        uint256 step;
    }

    function _bound(Any memory a) private pure {
        a.forward = bound(a.forward, 1e16, 200_000e18);
        a.strike = bound(a.strike, 1e16, 200_000e18);
        a.sigma = bound(a.sigma, Fixed.ONE / 100, 5 * Fixed.ONE);
        a.time = bound(a.time, Fixed.ONE / 3650, 3 * Fixed.ONE);
        a.step = bound(a.step, 1, 1000e18);
    }

    function _price(uint256 table, Any memory a, bool isCall) private pure returns (uint256) {
        return
            Black76.price(
                table,
                Black76.Terms(uint128(a.forward), uint128(a.strike), a.sigma, a.time, Fixed.ONE, isCall)
            );
    }

    /// Twice the stated error.
    function _slack(Any memory a) private pure returns (uint256) {
        return ((a.forward + a.strike + 2 * a.step) * 5) / 1e10 + 4;
    }

    function testFuzz_itHoldsPutCallParity(Any memory a) public view {
        _bound(a);
        uint256 table = Normal.load(_code);
        assertEq(_price(table, a, true) + a.strike, _price(table, a, false) + a.forward);
    }

    function testFuzz_itRisesWithForwardAndVolatilityAndFallsWithStrike(Any memory a) public view {
        _bound(a);
        uint256 table = Normal.load(_code);
        uint256 base = _price(table, a, true);
        uint256 slack = _slack(a);
        a.forward += a.step;
        assertGe(_price(table, a, true) + slack, base);
        a.forward -= a.step;
        a.strike += a.step;
        assertLe(_price(table, a, true), base + slack);
        a.strike -= a.step;
        a.sigma += a.sigma / 7;
        assertGe(_price(table, a, true) + slack, base);
    }

    function testFuzz_itIsConvexInTheStrike(Any memory a) public view {
        _bound(a);
        uint256 table = Normal.load(_code);
        uint256 slack = _slack(a);
        uint256 low = _price(table, a, true);
        a.strike += a.step;
        uint256 middle = _price(table, a, true);
        a.strike += a.step;
        assertGe(low + _price(table, a, true) + 2 * slack, 2 * middle);
    }

    /// No domain reverts: any words inside the stated ranges, and any word at all for the one-argument functions.
    function testFuzz_itIsTotal(Black76.Terms memory terms, int256 x, uint256 y) public view {
        uint256 table = Normal.load(_code);
        terms.sigma = bound(terms.sigma, 0, type(uint96).max);
        terms.time = bound(terms.time, 0, type(uint96).max);
        terms.discount = bound(terms.discount, 0, 4 * Fixed.ONE);
        Black76.Greeks memory g = Black76.greeks(table, terms);
        uint256 most = terms.isCall ? terms.forward : terms.strike;
        assertLe(g.price, int256((most * terms.discount) >> 64));
        assertGe(g.price, 0);
        assertLe(Normal.cdf(table, x), Fixed.ONE);
        assertLe(Normal.pdf(x), Fixed.ONE);
        assertLe(Fixed.ln(y), Fixed.ln(type(uint256).max));
        Fixed.exp(x);
        Fixed.sqrt(y);
        Fixed.lnRatio(terms.forward, terms.strike);
    }
}

/// given varied arguments in one transaction, each figure the mean of 64 calls, the table in memory
contract MathGasTest is Test {
    uint256 private constant COUNT = 64;
    address private _code = address(new NormalTable());
    /// Keeps the compiler from dropping what is measured.
    uint256 private _sum;

    function test_itPricesAnOptionWithin1200GasFromItsTotalVolatility() public {
        uint256 table = Normal.load(_code);
        (uint256 used, uint256 sum) = (0, 0);
        unchecked {
            for (uint128 i = 1; i <= COUNT; i++) {
                uint128 forward = uint128((Fixed.ONE * i) / 9);
                uint256 before = gasleft();
                sum += Black76.undiscountedCall(table, forward, uint128(5 * Fixed.ONE), Fixed.ONE);
                used += before - gasleft();
            }
        }
        _check("option.call", used, sum, 1200);
    }

    function test_itPricesAnOptionWithin1800GasFromVolatilityTimeAndDiscount() public {
        uint256 table = Normal.load(_code);
        (uint256 used, uint256 sum) = (0, 0);
        unchecked {
            for (uint256 i = 0; i < COUNT; i++) {
                Black76.Terms memory terms = Black76.Terms(
                    60_000e18,
                    uint128(40_000e18 + i * 700e18),
                    Fixed.ONE / 4 + (i * Fixed.ONE) / 50,
                    (Fixed.ONE * (i + 3)) / 365,
                    (Fixed.ONE * 99) / 100,
                    i % 2 == 0
                );
                uint256 before = gasleft();
                sum += Black76.price(table, terms);
                used += before - gasleft();
            }
        }
        _check("option.price", used, sum, 1800);
    }

    function test_itPricesACellOfASheetWithin450Gas() public {
        uint256 table = Normal.load(_code);
        (uint256 used, uint256 sum) = (0, 0);
        uint256 v = Fixed.ONE / 5;
        int256 inverse = int256((1 << 128) / v);
        unchecked {
            for (uint256 i = 1; i <= COUNT; i++) {
                uint256 shock = (Fixed.ONE * i) / 60 + Fixed.ONE / 2;
                int256 lnShock = Fixed.ln(shock);
                uint256 before = gasleft();
                sum += Black76.cell(table, int256(v >> 1), inverse, v, lnShock, shock, Fixed.ONE);
                used += before - gasleft();
            }
        }
        _check("option.scenario", used, sum, 450);
    }

    function test_itLoadsTheTableWithin8000Gas() public {
        uint256 before = gasleft();
        uint256 table = Normal.load(_code);
        _check("normal.load", (before - gasleft()) * COUNT, table, 8000);
    }

    function test_itComputesExpLnAndSqrtWithin500Gas() public {
        (uint256 exp, uint256 ln, uint256 sqrt, uint256 sum) = (0, 0, 0, 0);
        unchecked {
            for (uint256 i = 1; i <= COUNT; i++) {
                uint256 x = (Fixed.ONE * i) / 9;
                uint256 before = gasleft();
                sum += Fixed.exp(int256(x));
                exp += before - gasleft();
                before = gasleft();
                sum += uint256(Fixed.ln(x));
                ln += before - gasleft();
                before = gasleft();
                sum += Fixed.sqrt(x);
                sqrt += before - gasleft();
            }
        }
        _check("fixed.exp", exp, sum, 500);
        _check("fixed.ln", ln, sum, 500);
        _check("fixed.sqrt", sqrt, sum, 500);
    }

    function test_itComputesTheNormalDistributionWithin250Gas() public {
        uint256 table = Normal.load(_code);
        (uint256 used, uint256 sum) = (0, 0);
        unchecked {
            for (uint256 i = 1; i <= COUNT; i++) {
                int256 d = int256((Fixed.ONE * i) / 9) - int256(3 * Fixed.ONE);
                uint256 before = gasleft();
                sum += Normal.cdf(table, d);
                used += before - gasleft();
            }
        }
        _check("normal.cdf", used, sum, 250);
    }

    function _check(string memory name, uint256 used, uint256 sum, uint256 most) private {
        _sum = sum;
        emit log_named_uint(name, used / COUNT);
        assertLe(used / COUNT, most, name);
    }
}

/// given any word
contract FixedPropertiesTest is Test {
    function testFuzz_itRoundsSquareRootsDown(uint256 x, uint8 shift) public pure {
        x >>= shift;
        uint256 y = Fixed.sqrt(x);
        uint256 scaled = x;
        if (x < 1 << 192) scaled = x << 64;
        else y >>= 32;
        assertLe(y * y, scaled);
        assertTrue(y == type(uint128).max || (y + 1) * (y + 1) > scaled);
    }

    function testFuzz_itKeepsExpAndLnMonotoneAndInverse(int256 x, uint256 step) public pure {
        x = bound(x, 0, 88 * int256(Fixed.ONE));
        step = bound(step, 0, Fixed.ONE);
        assertGe(Fixed.exp(x + int256(step)), Fixed.exp(x));
        assertApproxEqAbs(Fixed.ln(Fixed.exp(x)), x, 2);
    }
}
