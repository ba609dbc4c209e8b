import { monoMs } from '../../../shared/model/time'
import type { EdgeInput, EdgeState } from '../../../electron/core/control/edge-state'
import type { MasterInput, MasterState } from '../../../electron/core/control/master-state'
import { stepMaster } from '../../../electron/core/control/master'
import { negotiate, tableFacts } from '../../../electron/core/control/negotiate'
import type { ControlOutput } from '../../../electron/core/control/turn'
import type { Step } from '../../../electron/core/machine'
import type { Breakages } from './master-controller'

type MasterStep = Step<MasterState, ControlOutput>
type EdgeStep = Step<EdgeState, ControlOutput>

/** A rule left out or turned round. `caughtBy`: the rules of the judge one of which it breaks. */
export interface Variant {
  readonly name: string
  readonly breakages: Breakages
  readonly caughtBy: readonly string[]
}

const withTenure = (step: MasterStep, tenure: MasterState['tenure']): MasterStep => ({
  ...step,
  state: { ...step.state, tenure },
})

/** The master's own new epochs without regard to whose number it is. */
function anyParity(step: MasterStep, before: MasterState): MasterStep {
  const { epoch } = step.state.stored.record
  const claimed = step.state.stored.record.holder === 'master' && epoch > before.stored.floor + 1
  if (!claimed) return step
  const stored = { ...step.state.stored, record: { ...step.state.stored.record, epoch: epoch - 1 }, floor: epoch - 1 }
  const outputs = step.outputs.map((output): ControlOutput => {
    if (output.type === 'persist') return { ...output, stored }
    if (output.type === 'openGate') return { ...output, epoch: epoch - 1 }
    if (output.type === 'send' && output.message.type === 'result')
      return { ...output, message: { ...output.message, masterEpoch: epoch - 1 } }
    return output
  })
  return { ...step, outputs, state: { ...step.state, stored } }
}

function drivesOnLoss(step: EdgeStep, input: EdgeInput): EdgeStep {
  if (input.type !== 'linkLost' || step.state.link.kind !== 'waiting') return step
  return { ...step, state: { ...step.state, autonomyFrom: monoMs(0), autonomyLatest: monoMs(0) }, wakeAt: monoMs(0) }
}

/** Puts an answer nobody gave before what really happens. */
function answeredBy(giver: MasterState, result: 'refused' | 'cancelled'): MasterInput | null {
  const { tenure, link } = giver
  if (tenure.kind !== 'handingBack' || link.kind === 'none') return null
  if (tenure.phase !== 'offered' && tenure.phase !== 'cancelling') return null
  const { decisionId } = tenure.handBack
  return { type: 'message', message: { type: 'answer', session: link.session, decisionId, result, reason: null } }
}

/** Two steps as one. */
function joined(first: MasterStep, second: MasterStep): MasterStep {
  return { state: second.state, outputs: joinedOutputs(first.outputs, second.outputs), wakeAt: second.wakeAt }
}
function joinedOutputs(first: readonly ControlOutput[], second: readonly ControlOutput[]): ControlOutput[] {
  const all = [...first, ...second]
  const persists = all.filter((output) => output.type === 'persist')
  return [...persists.slice(-1), ...all.filter((output) => output.type !== 'persist')]
}

/** Both machines need the context the step was made with; the variants get it from the site. */
let contextOfMaster: Parameters<typeof stepMaster>[2] | null = null
const keepContext: Breakages['masterContext'] = (context) => (contextOfMaster = context)
function again(step: MasterStep, input: MasterInput): MasterStep {
  return contextOfMaster === null ? step : joined(step, stepMaster(step.state, input, contextOfMaster))
}

const sentBy = (step: Step<unknown, ControlOutput>, type: string) =>
  step.outputs.find((output) => output.type === 'send' && output.message.type === type)

export const variants: readonly Variant[] = [
  {
    name: 'an epoch of any parity',
    breakages: { master: { after: (step, _, before) => anyParity(step, before) } },
    caughtBy: ['parity'],
  },
  {
    name: 'an epoch written after it was sent',
    breakages: { edge: { persistLast: true }, master: { persistLast: true } },
    caughtBy: ['unwritten'],
  },
  {
    name: 'no lease on the master',
    breakages: {
      master: {
        after: (step) =>
          step.state.tenure.kind === 'driving' ? withTenure(step, { ...step.state.tenure, lease: null }) : step,
      },
    },
    caughtBy: ['overlap'],
  },
  {
    name: 'a lease from the receipt of the answer',
    breakages: {
      masterContext: keepContext,
      master: {
        after: (step, input) => {
          const { tenure } = step.state
          const pong = input.type === 'message' && input.message.type === 'pong'
          if (!pong || tenure.kind !== 'driving' || tenure.lease === null || !contextOfMaster) return step
          return withTenure(step, { ...tenure, lease: monoMs(contextOfMaster.now + 3_000) })
        },
      },
    },
    caughtBy: ['overlap'],
  },
  {
    name: 'an edge that drives as soon as the link is lost',
    breakages: { edge: { after: drivesOnLoss } },
    caughtBy: ['overlap'],
  },
  {
    name: 'a module host that does not look at its permit',
    breakages: { master: { ignorePermit: true }, edge: { ignorePermit: true } },
    caughtBy: ['overlap', 'two-linked', 'not-healed'],
  },
  {
    name: 'a grant before the modules have stopped',
    breakages: { master: { gateClosesWithModules: true }, edge: { gateClosesWithModules: true } },
    caughtBy: ['overlap', 'two-linked'],
  },
  {
    name: 'a gate that is not waited for',
    breakages: { master: { gateNotAwaited: true }, edge: { gateNotAwaited: true } },
    caughtBy: ['overlap', 'two-linked'],
  },
  {
    name: 'a giver that drives again when it cancels, without an answer',
    breakages: {
      masterContext: keepContext,
      master: {
        after: (step, input) => {
          const answer = sentBy(step, 'cancel') ? answeredBy(step.state, 'cancelled') : null
          return answer === null || input.type !== 'wake' ? step : again(step, answer)
        },
      },
    },
    caughtBy: ['overlap', 'two-linked', 'decisions-differ'],
  },
  {
    name: 'a hand-over that outlives its session',
    breakages: {
      masterContext: keepContext,
      master: {
        writesUnseen: true,
        before: (state, input) => {
          const answer = input.type === 'linkLost' ? answeredBy(state, 'refused') : null
          return answer === null || !contextOfMaster ? state : stepMaster(state, answer, contextOfMaster).state
        },
      },
    },
    caughtBy: ['overlap', 'two-linked', 'decisions-differ'],
  },
  {
    name: 'two switches at once',
    breakages: {
      masterContext: keepContext,
      master: {
        writesUnseen: true,
        before: (state, input) => {
          const asked = input.type === 'switchAsked' && input.request.target === 'edge'
          const answer = asked ? answeredBy(state, 'refused') : null
          return answer === null || !contextOfMaster ? state : stepMaster(state, answer, contextOfMaster).state
        },
      },
    },
    caughtBy: ['overlap', 'two-linked', 'decisions-differ'],
  },
  {
    name: 'a stale record that counts',
    breakages: {
      edge: {
        after: (step) => {
          const { link } = step.state
          if (link.kind === 'waiting' || link.sent === null) return step
          const sent = { ...link.sent, record: { ...link.sent.record, agreedEpoch: 0 } }
          const outputs = step.outputs.map((output): ControlOutput =>
            output.type === 'send' && output.message.type === 'negotiate'
              ? { ...output, message: { ...output.message, edge: sent } }
              : output,
          )
          return { ...step, outputs, state: { ...step.state, link: { ...link, sent } } }
        },
      },
    },
    caughtBy: ['stale-record', 'decisions-differ'],
  },
  {
    name: 'a time gap nobody minds',
    breakages: { master: { ignoreGap: true }, edge: { ignoreGap: true } },
    caughtBy: ['take-over'],
  },
  {
    name: 'a take-over timer that runs on through a pause',
    breakages: {
      master: {
        after: (step, _, before) =>
          step.state.takeOverFrom !== null && before.takeOverFrom === null && rememberedFrom !== null
            ? { ...step, state: { ...step.state, takeOverFrom: rememberedFrom } }
            : (remember(step, before), step),
      },
    },
    caughtBy: ['take-over'],
  },
  {
    name: 'a hand-back in the opening in which a person failed over',
    breakages: { master: { before: (state) => ({ ...state, stored: { ...state.stored, manualAt: null } }) } },
    caughtBy: ['window'],
  },
  {
    name: 'a window nobody asks about',
    breakages: {
      masterContext: (context) => ({
        ...context,
        window: () => ({ open: true, lastOpeningAt: context.wall, nextChangeAt: null }),
      }),
    },
    caughtBy: ['window'],
  },
  {
    name: 'a pause that stops nothing',
    breakages: { masterContext: (context) => ({ ...context, paused: false }) },
    caughtBy: ['paused', 'take-over'],
  },
  {
    name: 'failover: false overlooked by the timer',
    breakages: {
      masterContext: (context) => ({ ...context, failover: true }),
    },
    caughtBy: ['failover-off', 'take-over'],
  },
  {
    name: 'both act on different facts',
    breakages: {
      edge: {
        input: (input, state) => {
          if (input.type !== 'message' || input.message.type !== 'result') return input
          const { link } = state
          if (link.kind === 'waiting' || link.sent === null) return input
          // The edge believes a window of its own and no longer compares.
          const master = { ...input.message.master, window: 'in' as const, stable: true, paused: false }
          const own = negotiate(tableFacts({ edge: link.sent, master }))
          return {
            ...input,
            message: { ...input.message, master, edge: link.sent, rule: own.rule, winner: own.winner },
          }
        },
      },
    },
    caughtBy: ['disagreement', 'unattended', 'no-link', 'decisions-differ'],
  },
  {
    name: 'a refused edge that counts as dead',
    breakages: { refusalIsDeath: true },
    caughtBy: ['take-over'],
  },
  {
    name: 'a master that drives before the edge has agreed',
    breakages: {
      masterContext: keepContext,
      master: {
        after: (step) => {
          const { link } = step.state
          if (!sentBy(step, 'result') || link.kind !== 'linked' || link.result.verdict.winner !== 'master') return step
          const { session, round, result } = link
          const { rule, winner } = result.verdict
          const { decisionId } = result
          const message = {
            type: 'agree',
            session,
            round,
            decisionId,
            agreed: true,
            rule,
            winner,
            drivesAtEpoch: null,
          } as const
          return again(step, { type: 'message', message })
        },
      },
    },
    caughtBy: ['overlap', 'two-linked'],
  },
  {
    name: 'an edge that waits for its master for ever',
    breakages: {
      edge: {
        after: (step, input, before) =>
          (input.type === 'wake' || input.type === 'attemptFailed') && before.tenure.kind === 'idle'
            ? {
                ...step,
                state: { ...step.state, tenure: before.tenure, stored: before.stored },
                outputs: step.outputs.filter(isNoStart),
              }
            : step,
      },
    },
    caughtBy: ['alone'],
  },
  {
    name: 'a restarted master that goes on although the edge had stood by',
    breakages: {
      master: { before: (state) => ({ ...state, stored: { ...state.stored, edgeStoodBy: false } }) },
    },
    caughtBy: ['overlap'],
  },
  {
    name: 'a take-over at the epoch it had before',
    breakages: {
      master: {
        after: (step, input, before) => {
          const { record } = before.stored
          const { epoch } = step.state.stored.record
          if (input.type !== 'wake' || record.holder !== 'master' || epoch === record.epoch) return step
          const outputs = step.outputs
            .filter((output) => output.type !== 'persist')
            .map((output): ControlOutput => (output.type === 'openGate' ? { ...output, epoch: record.epoch } : output))
          return { ...step, state: { ...step.state, stored: before.stored }, outputs }
        },
      },
    },
    caughtBy: ['epoch-again'],
  },
  {
    name: 'hosts of a predecessor that are left running',
    breakages: {
      edge: { hostsOutliveRestart: true, ignorePermit: true },
      master: { hostsOutliveRestart: true, ignorePermit: true },
    },
    caughtBy: ['overlap', 'two-linked', 'not-healed'],
  },
  {
    name: 'an edge whose first attempt decides',
    breakages: {
      edge: {
        after: (step, input) =>
          input.type === 'start' ? { ...step, state: { ...step.state, autonomyFrom: monoMs(0) } } : step,
      },
    },
    caughtBy: ['overlap'],
  },
  {
    name: 'a cancel that undoes what was accepted',
    breakages: {
      edge: { before: (state) => ({ ...state, acceptedDecision: null }) },
      master: { before: (state) => ({ ...state, acceptedDecision: null }) },
    },
    caughtBy: ['overlap', 'two-linked', 'decisions-differ'],
  },
  {
    name: 'a master that begins when its modules have stopped, link or not',
    breakages: {
      master: {
        after: (step, input, before) =>
          input.type === 'linkLost' && before.tenure.kind === 'stopping' && before.tenure.thenDrive
            ? withTenure(step, before.tenure)
            : step,
      },
    },
    caughtBy: ['overlap', 'failover-off'],
  },
  {
    name: 'an edge that lets go and never says so',
    breakages: {
      edge: { after: (step) => ({ ...step, outputs: step.outputs.filter((output) => !isMessage(output, 'agree')) }) },
    },
    caughtBy: ['no-link', 'no-rest'],
  },
  {
    name: 'a stand-by whose master does not begin',
    breakages: {
      master: {
        after: (step, input) =>
          input.type === 'message' && input.message.type === 'agree' && step.state.tenure.kind === 'driving'
            ? {
                ...withTenure(step, { kind: 'stopping', thenDrive: false }),
                outputs: step.outputs.filter(isNoBeginning),
              }
            : step,
      },
    },
    caughtBy: ['unattended', 'no-rest'],
  },
]

const isMessage = (output: ControlOutput, type: string) => output.type === 'send' && output.message.type === type

const isNoBeginning = (output: ControlOutput) => output.type !== 'openGate' && output.type !== 'startModules'

const isNoStart = (output: ControlOutput) =>
  output.type !== 'openGate' && output.type !== 'startModules' && output.type !== 'persist'

let rememberedFrom: MasterState['takeOverFrom'] = null
function remember(step: MasterStep, before: MasterState): void {
  if (step.state.link.kind !== 'none') rememberedFrom = null
  else if (step.state.takeOverFrom === null && before.takeOverFrom !== null && step.state.tenure.kind === 'idle')
    rememberedFrom = before.takeOverFrom
}
