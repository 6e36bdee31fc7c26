import type { Address, Hex } from 'viem';
import type { ChainClient } from '../chain/client.js';
import type { Desired, DesiredChain, DesiredRoute } from '../desired/schema.js';
import { LOCKSTEP_OPERATOR, chainOf } from '../desired/schema.js';
import type { ChainAddresses } from './addresses.js';
import { same, show, type ConfigureStep } from './step.js';

/** What the planners of one chain share. */
export class ChainPlan {
  readonly steps: ConfigureStep[] = [];

  constructor(
    readonly desired: Desired,
    readonly chain: DesiredChain,
    readonly client: ChainClient,
    /** Of every chain of the network, by name. */
    readonly addresses: ReadonlyMap<string, ChainAddresses>,
    /** Addresses on this chain that have code. */
    private readonly deployed: ReadonlySet<Address>,
  ) {}

  get own(): ChainAddresses {
    return this.addressesOn(this.chain.name);
  }

  addressesOn(chain: string): ChainAddresses {
    const found = this.addresses.get(chain);
    if (found === undefined) throw new Error(`no addresses of ${chain}; expected them computed before planning`);
    return found;
  }

  /** Routes that start or end here, with the chain at the other end. */
  routes(): { readonly route: DesiredRoute; readonly remote: DesiredChain; readonly outgoing: boolean }[] {
    return this.desired.routes
      .filter((route) => route.from === this.chain.name || route.to === this.chain.name)
      .map((route) => {
        const outgoing = route.from === this.chain.name;
        return { route, remote: chainOf(this.desired, outgoing ? route.to : route.from), outgoing };
      });
  }

  /** Remote chains, each once. */
  remotes(): DesiredChain[] {
    return [...new Set(this.routes().map(({ remote }) => remote))];
  }

  /** DVN contracts of these operators on this chain, ascending as LayerZero wants them. */
  dvnsOf(operators: readonly string[]): Address[] {
    return operators
      .map((operator) => {
        if (operator === LOCKSTEP_OPERATOR) return this.own.contracts.LockstepDVN;
        const address = this.chain.dvns[operator];
        if (address === undefined)
          throw new Error(`no DVN of ${operator} on ${this.chain.name}; expected the desired state to be validated`);
        return address;
      })
      .sort((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1));
  }

  /** Reads from a contract, or undefined while it is not deployed. */
  async read<T>(address: Address, read: () => Promise<T>): Promise<T | undefined> {
    return this.deployed.has(address) ? read() : undefined;
  }

  /** Adds a step unless the chain already agrees. */
  want(subject: string, expected: unknown, actual: unknown, target: Address, data: () => Hex): void {
    if (actual !== undefined && same(expected, actual)) return;
    this.steps.push({
      kind: 'configure',
      chain: this.chain.name,
      subject,
      target,
      data: data(),
      expected: show(expected),
      actual: show(actual),
    });
  }
}
