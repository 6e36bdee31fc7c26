import {
  bytecode,
  collateralRulesAbi,
  crossEngineAbi,
  exchangeAbi,
  feedsAbi,
  fundAbi,
  handoverAbi,
  interestModelAbi,
  isolatedEngineAbi,
  levyAbi,
  liquidationAbi,
  marginAbi,
  marketsAbi,
  portfolioEngineAbi,
  priceTimesAbi,
  routesAbi,
  sheetsAbi,
  shortfallsAbi,
} from '@lockstep/contracts';
import {
  concatHex,
  encodeAbiParameters,
  encodeDeployData,
  getContractAddress,
  keccak256,
  parseAbiParameters,
  size,
  stringToHex,
  zeroAddress,
  type Address,
  type Hex,
} from 'viem';
import { CREATE2_DEPLOYER } from '../chain/create2.js';
import { hubOf, type Desired, type DesiredAsset, type DesiredChain } from '../desired/schema.js';
import { HUB_CONTRACTS, type ContractName, type HubContractName } from '../live/live.js';

/** One contract as it should be deployed. */
export interface ContractSpec {
  /** Contract, or `Token <symbol>` of a local test token. */
  readonly name: ContractName | `Token ${string}`;
  readonly address: Address;
  /** Where this build with these arguments belongs; another address than `address` if another build was recorded there. */
  readonly computed: Address;
  readonly initCode: Hex;
  readonly args: readonly unknown[];
  /** Gas of the deployment: code deposit, hashing and a generous constructor. */
  readonly gas: bigint;
}

export type HubAddresses = Readonly<Record<HubContractName, Address>>;
type CustodyAddresses = Pick<HubAddresses, 'Ledger' | 'Gateway' | 'Delegates' | 'Withdrawals'>;
type LiquidationAddresses = Pick<HubAddresses, 'Fund' | 'Handover' | 'PriceTimes' | 'Routes' | 'Liquidation' | 'Shortfalls' | 'Levy'>;
type RiskAddresses = Omit<HubAddresses, keyof CustodyAddresses | keyof LiquidationAddresses>;

/** Everything of one chain that calls are addressed to. */
export interface ChainAddresses {
  readonly specs: readonly ContractSpec[];
  readonly contracts: Readonly<Record<Exclude<ContractName, HubContractName>, Address>> & Partial<HubAddresses>;
  /** By position in the desired assets; zero address: the native coin. */
  readonly tokens: readonly Address[];
}

/** Addresses that an earlier deployment recorded; they win over computed ones. */
export type Pins = Partial<Record<ContractName, Address>>;

/** Settlement cash without a feed is at par. */
const AT_PAR = 0;

const DEPLOY_GAS_BASE = 2_000_000n;
const DEPLOY_GAS_PER_BYTE = 260n;

/** Where everything of a chain is or will be. Pure. */
export function addressesOf(desired: Desired, chain: DesiredChain, pins: Pins = {}): ChainAddresses {
  const salt = keccak256(stringToHex(`lockstep:${desired.network}:${chain.name}`));
  const specs: ContractSpec[] = [];
  const add = <N extends ContractSpec['name']>(name: N, code: Hex, args: readonly unknown[], encoded: Hex): Address => {
    const initCode = concatHex([code, encoded]);
    const pinned = isContractName(name) ? pins[name] : undefined;
    const computed = getContractAddress({ opcode: 'CREATE2', from: CREATE2_DEPLOYER, salt, bytecode: initCode });
    const address = pinned ?? computed;
    specs.push({ name, address, computed, initCode, args, gas: DEPLOY_GAS_BASE + DEPLOY_GAS_PER_BYTE * BigInt(size(initCode)) });
    return address;
  };
  const { endpoint, sendUln302, receiveUln302 } = chain.layerzero;
  const hubEid = hubOf(desired).eid;

  const one = parseAbiParameters('address');
  const authority = add(
    'AccessManager',
    creation('AccessManager'),
    [desired.access.deployer],
    encodeAbiParameters(one, [desired.access.deployer]),
  );
  const two = parseAbiParameters('address, address');
  const Messenger = add('Messenger', creation('Messenger'), [endpoint, authority], encodeAbiParameters(two, [endpoint, authority]));
  const CollateralVault = add(
    'CollateralVault',
    creation('CollateralVault'),
    [authority, Messenger, hubEid, chain.permit2],
    encodeAbiParameters(parseAbiParameters('address, address, uint32, address'), [authority, Messenger, hubEid, chain.permit2]),
  );
  const { signers, threshold } = chain.lockstepDvn;
  const LockstepDVN = add(
    'LockstepDVN',
    creation('LockstepDVN'),
    [sendUln302, receiveUln302, signers, threshold, authority],
    encodeAbiParameters(parseAbiParameters('address, address, address[], uint8, address'), [
      sendUln302,
      receiveUln302,
      signers,
      threshold,
      authority,
    ]),
  );
  const BatchExecutor = add(
    'BatchExecutor',
    creation('BatchExecutor'),
    [endpoint, sendUln302, receiveUln302, authority],
    encodeAbiParameters(parseAbiParameters('address, address, address, address'), [endpoint, sendUln302, receiveUln302, authority]),
  );
  const hub = chain.role === 'hub' ? hubContracts() : {};
  const tokens = chain.assets.map((asset) => tokenOf(asset));
  return { specs, contracts: { AccessManager: authority, Messenger, CollateralVault, LockstepDVN, BatchExecutor, ...hub }, tokens };

  function hubContracts(): HubAddresses {
    const Ledger = add(
      'Ledger',
      creation('Ledger'),
      [authority, hubEid],
      encodeAbiParameters(parseAbiParameters('address, uint32'), [authority, hubEid]),
    );
    const three = parseAbiParameters('address, address, address');
    const Gateway = add(
      'Gateway',
      creation('Gateway'),
      [authority, Messenger, Ledger],
      encodeAbiParameters(three, [authority, Messenger, Ledger]),
    );
    const Delegates = add(
      'Delegates',
      creation('Delegates'),
      [authority, Messenger, hubEid],
      encodeAbiParameters(parseAbiParameters('address, address, uint32'), [authority, Messenger, hubEid]),
    );
    const Withdrawals = add(
      'Withdrawals',
      creation('Withdrawals'),
      [authority, Messenger, Ledger, Delegates, Gateway],
      encodeAbiParameters(parseAbiParameters('address, address, address, address, address'), [
        authority,
        Messenger,
        Ledger,
        Delegates,
        Gateway,
      ]),
    );
    const custody = { Ledger, Gateway, Delegates, Withdrawals };
    const risk = riskContracts(custody);
    return { ...custody, ...risk, ...liquidationContracts(custody, risk) };
  }

  /** A hub contract with arguments that viem encodes. */
  function deploy(name: ContractName, args: readonly unknown[], encode: (code: Hex) => Hex): Address {
    const code = creation(name);
    return add(name, code, args, sliceAfter(encode(code), code));
  }

  /** What values accounts; see planRisk for what they are told afterwards. */
  function riskContracts({ Ledger: ledger, Delegates: delegates }: CustodyAddresses): RiskAddresses {
    const { feeds, interest, standard, settlementUnderlying = AT_PAR } = desired.risk;
    const { base, slope, kink, full } = interest;
    const curve = [base, slope, kink, full] as const;
    const InterestModel = deploy('InterestModel', curve, (code) =>
      encodeDeployData({ abi: interestModelAbi, bytecode: code, args: curve }),
    );
    const NormalTable = deploy('NormalTable', [], (code) => code);
    const feedsArgs = [authority, feeds.signers, feeds.threshold, feeds.settlementThreshold] as const;
    const Feeds = deploy('Feeds', feedsArgs, (code) => encodeDeployData({ abi: feedsAbi, bytecode: code, args: feedsArgs }));
    const rulesArgs = [authority, Feeds] as const;
    const CollateralRules = deploy('CollateralRules', rulesArgs, (code) =>
      encodeDeployData({ abi: collateralRulesAbi, bytecode: code, args: rulesArgs }),
    );
    const marketsArgs = [authority, ledger, Feeds] as const;
    const Markets = deploy('Markets', marketsArgs, (code) => encodeDeployData({ abi: marketsAbi, bytecode: code, args: marketsArgs }));
    const sheetsArgs = [Feeds, Markets, NormalTable] as const;
    const Sheets = deploy('Sheets', sheetsArgs, (code) => encodeDeployData({ abi: sheetsAbi, bytecode: code, args: sheetsArgs }));
    const standardLinks = { feeds: Feeds, collateralRules: CollateralRules, listing: Markets, normalTable: NormalTable };
    const standardArgs = [authority, standardLinks, standard.perpetual, standard.option] as const;
    const CrossEngine = deploy('CrossEngine', standardArgs, (code) =>
      encodeDeployData({ abi: crossEngineAbi, bytecode: code, args: standardArgs }),
    );
    const IsolatedEngine = deploy('IsolatedEngine', standardArgs, (code) =>
      encodeDeployData({ abi: isolatedEngineAbi, bytecode: code, args: standardArgs }),
    );
    const portfolioLinks = { feeds: Feeds, collateralRules: CollateralRules, sheets: Sheets };
    const portfolioArgs = [authority, portfolioLinks, settlementUnderlying] as const;
    const PortfolioEngine = deploy('PortfolioEngine', portfolioArgs, (code) =>
      encodeDeployData({ abi: portfolioEngineAbi, bytecode: code, args: portfolioArgs }),
    );
    const marginArgs = [authority, Markets, Feeds, delegates] as const;
    const Margin = deploy('Margin', marginArgs, (code) => encodeDeployData({ abi: marginAbi, bytecode: code, args: marginArgs }));
    const exchangeArgs = [authority, ledger, Markets, Margin, delegates] as const;
    const Exchange = deploy('Exchange', exchangeArgs, (code) => encodeDeployData({ abi: exchangeAbi, bytecode: code, args: exchangeArgs }));
    const engines = { CrossEngine, IsolatedEngine, PortfolioEngine };
    return { InterestModel, NormalTable, Feeds, CollateralRules, Markets, Sheets, ...engines, Margin, Exchange };
  }

  /** What sells accounts that are short of margin; see planLiquidation for what they are told afterwards. */
  function liquidationContracts({ Ledger, Delegates, Withdrawals }: CustodyAddresses, risk: RiskAddresses): LiquidationAddresses {
    const { Feeds, CollateralRules, Markets, Margin } = risk;
    const fundArgs = [authority, Ledger, Delegates] as const;
    const Fund = deploy('Fund', fundArgs, (code) => encodeDeployData({ abi: fundAbi, bytecode: code, args: fundArgs }));
    const handoverArgs = [authority, Ledger, Markets] as const;
    const Handover = deploy('Handover', handoverArgs, (code) => encodeDeployData({ abi: handoverAbi, bytecode: code, args: handoverArgs }));
    const timesArgs = [Feeds, Markets, CollateralRules] as const;
    const PriceTimes = deploy('PriceTimes', timesArgs, (code) => encodeDeployData({ abi: priceTimesAbi, bytecode: code, args: timesArgs }));
    const links = { ledger: Ledger, margin: Margin, fund: Fund, withdrawals: Withdrawals, handover: Handover, priceTimes: PriceTimes };
    const liquidationArgs = [authority, links] as const;
    const Liquidation = deploy('Liquidation', liquidationArgs, (code) =>
      encodeDeployData({ abi: liquidationAbi, bytecode: code, args: liquidationArgs }),
    );
    const routesArgs = [authority, Messenger, Liquidation] as const;
    const Routes = deploy('Routes', routesArgs, (code) => encodeDeployData({ abi: routesAbi, bytecode: code, args: routesArgs }));
    const shortfallArgs = [authority, Liquidation, CollateralRules] as const;
    const Shortfalls = deploy('Shortfalls', shortfallArgs, (code) =>
      encodeDeployData({ abi: shortfallsAbi, bytecode: code, args: shortfallArgs }),
    );
    const levyArgs = [authority, Ledger, Margin, Fund] as const;
    const Levy = deploy('Levy', levyArgs, (code) => encodeDeployData({ abi: levyAbi, bytecode: code, args: levyArgs }));
    return { Fund, Handover, PriceTimes, Routes, Liquidation, Shortfalls, Levy };
  }

  function tokenOf(asset: DesiredAsset): Address {
    switch (asset.token.kind) {
      case 'native':
        return zeroAddress;
      case 'existing':
        return asset.token.address;
      case 'test': {
        const args = [`Test ${asset.symbol}`, asset.symbol, asset.decimals] as const;
        return add(
          `Token ${asset.symbol}`,
          creation('TestToken'),
          args,
          encodeAbiParameters(parseAbiParameters('string, string, uint8'), args),
        );
      }
    }
  }
}

/** Constructor arguments of an init code. */
const sliceAfter = (initCode: Hex, code: Hex): Hex => `0x${initCode.slice(code.length)}`;

/** The hub's contracts if the plan is of the hub. @throws Error if they were not computed */
export function hubAddresses({ chain, own }: { readonly chain: DesiredChain; readonly own: ChainAddresses }): HubAddresses | undefined {
  if (chain.role !== 'hub') return undefined;
  const { contracts } = own;
  const missing = HUB_CONTRACTS.find((name) => contracts[name] === undefined);
  if (missing !== undefined)
    throw new Error(`${chain.name} is the hub, but has no address of ${missing}; expected it computed before planning`);
  // CAST: none of them is undefined.
  return contracts as HubAddresses;
}

function creation(name: string): Hex {
  const codes: Readonly<Record<string, { readonly creation: Hex }>> = bytecode;
  const code = codes[name];
  if (code === undefined) throw new Error(`contract ${name} is not in the build; expected it among ${Object.keys(codes).join(', ')}`);
  return code.creation;
}

function isContractName(name: ContractSpec['name']): name is ContractName {
  return !name.startsWith('Token ');
}
