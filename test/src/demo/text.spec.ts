import { picture } from './picture.js';
import { short, table, units } from './text.js';

describe('given amounts in base units', () => {
  it.each([
    [0n, 18, '0'],
    [1_500_000n, 6, '1.5'],
    [1_234_567_000_000n, 6, '1,234,567'],
    [-1n, 18, '-0.000000000000000001'],
    [42n, 0, '42'],
  ])('writes %s with %s decimals as %s', (amount, decimals, text) => {
    expect(units(amount, decimals)).toBe(text);
  });
});

describe('given an amount for the picture', () => {
  it.each([
    ['0.232210603', '0.232210…'],
    ['0.2322', '0.2322'],
    ['1,546', '1,546'],
  ])('writes %s as %s', (amount, text) => {
    expect(short(amount)).toBe(text);
  });
});

describe('given rows of text', () => {
  it('pads words to the right and numbers to the left', () => {
    expect(
      table(
        [{ title: 'chain' }, { title: 'n', numeric: true }],
        [
          ['hub', '5'],
          ['spoke', '10'],
        ],
      ),
    ).toBe('chain    n\n──────────\nhub      5\nspoke   10');
  });
});

describe('given names with markup in them', () => {
  it('draws them as text', () => {
    const drawn = picture([{ name: '<b>', role: 'spoke', deposits: [], payouts: [], entries: 0, packets: 0 }], {
      account: '0x00',
      holdings: ['1 & 2'],
      trades: ['sold < 3'],
      liquidation: ['4 > 5'],
    });
    expect(drawn).toContain('&#60;b&#62;');
    expect(drawn).toContain('1 &#38; 2');
    expect(drawn).toContain('sold &#60; 3');
    expect(drawn).toContain('4 &#62; 5');
  });
});
