import type { OperationHandlers } from '../../electron/console/operations'
import type { TopicName } from '../../shared/console/contract'
import type { EdgeView, StatusView } from '../../shared/console/views'
import type { Decision } from '../../shared/model/control'
import { startConsoleDouble, type ConsoleDouble, type ConsoleDoubleOptions } from './console-double'
import {
  decisionSamples,
  documentSample,
  inviteSamples,
  methodSamples,
  siteSample,
  statusSample,
  systemSamples,
} from './fixture-sites'

/**
 * A controller that only looks like one: plausible sites behind the real console transport, for looking at the page and for its browser tests. Restore,
 * Fail over, Pause and Resume change what it shows; no rule of control is repeated here.
 */
export interface FixtureConsole extends AsyncDisposable {
  readonly double: ConsoleDouble
  /** Replaces the status that is shown, and tells the page. */
  show(change: (status: StatusView) => StatusView): void
  link(): string
}

export async function startFixtureConsole(options: {
  page: string
  role: StatusView['role']
  edges: EdgeView[]
  stepMs?: number
  /** What further topics tell first. */
  first?: Partial<Record<TopicName, unknown>>
  /** Topics that tell by themselves. */
  live?: ConsoleDoubleOptions['live']
}): Promise<FixtureConsole> {
  let status = statusSample(options.role, options.edges)
  const first = {
    ...options.first,
    get status() {
      return { ...status, at: Date.now() }
    },
  }
  const double = await startConsoleDouble({ page: options.page, first, ...(options.live && { live: options.live }) })
  const decisions = decisionSamples(status.nodeId)
  const timers = new Set<NodeJS.Timeout>()

  function show(change: (status: StatusView) => StatusView) {
    status = { ...change(status), at: Date.now() }
    double.publish('status', status)
  }
  function changeSite(edge: string | undefined, change: (site: EdgeView) => Partial<EdgeView>) {
    show((before) => {
      const edges = before.edges?.map((site) =>
        site.id === (edge ?? before.nodeId) ? { ...site, ...change(site) } : site,
      )
      const own = { ...siteSample(before.nodeId, before.name), control: before.control, paused: before.paused }
      const { control, paused } = edges?.find((site) => site.id === before.nodeId) ?? {
        ...own,
        ...(edges ? {} : change(own)),
      }
      return { ...before, control, paused, ...(edges ? { edges } : {}) }
    })
  }
  const controlOf = (edge: string | undefined) => (status.edges?.find((site) => site.id === edge) ?? status).control

  async function switchTo(target: 'edge' | 'master', edge: string | undefined) {
    const { epoch } = controlOf(edge)
    const id = `0193a${String(Date.now()).slice(-3)}-switch`
    changeSite(edge, (site) => ({
      control: {
        ...site.control,
        holder: 'none',
        handOver: { decisionId: id, target, step: 'stopping', since: Date.now() },
      },
    }))
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        timers.delete(timer)
        resolve()
      }, options.stepMs ?? 1_200)
      timers.add(timer)
    })
    const rule = target === 'edge' ? ('restore' as const) : ('fail-over' as const)
    const next = epoch + 1
    changeSite(edge, (site) => ({
      control: { ...site.control, holder: target, epoch: next, since: Date.now(), rule, handOver: null },
    }))
    const entry: Decision = {
      id,
      edgeId: edge ?? status.nodeId,
      rule,
      winner: target,
      epoch: next,
      actor: 'browser:you',
      facts: null,
      outcome: 'done',
      detail: null,
      startedAt: Date.now() - 150,
      finishedAt: Date.now(),
      contested: null,
    }
    decisions.unshift(entry)
    double.publish('decisions', entry)
    return { decisionId: id, epoch: next, holder: target, outcome: 'done', detail: null }
  }

  const answers: Partial<OperationHandlers> = {
    'status.get': () => status,
    'edges.restore': ({ edge }) => switchTo('edge', edge),
    'edges.failover': ({ edge }) => switchTo('master', edge),
    'edges.pause': ({ edge, reason, forMs }) => {
      const until = forMs === null ? null : Date.now() + forMs
      changeSite(edge, () => ({ paused: { until, reason } }))
      return { until }
    },
    'edges.resume': ({ edge }) => {
      changeSite(edge, () => ({ paused: null }))
      return {}
    },
    'edges.preview': ({ edge, assume }) => {
      const isMaster = assume.holder === 'master' && assume.devices === 'down'
      const record = { holder: 'edge' as const, epoch: 7, agreedEpoch: 7, decisionId: null, intent: null }
      return {
        edgeId: edge ?? status.nodeId,
        rule: isMaster ? 'T5' : 'T1',
        winner: isMaster ? 'master' : 'edge',
        reason: '',
        facts: {
          edge: {
            devicesUp: true,
            devicesConnected: 4,
            devicesTotal: 4,
            record,
            floor: 7,
            instanceId: 'i',
            bootId: 'b',
            journalSeq: 12,
            drivingForMs: 9_000,
          },
          master: {
            record,
            floor: 7,
            masterHolds: isMaster,
            loading: false,
            window: 'out',
            paused: false,
            failover: true,
            stable: true,
            docRevision: 4,
            drivingForMs: null,
          },
        },
        next: null,
      }
    },
    'decisions.list': ({ limit, before }) =>
      decisions.filter((entry) => before === undefined || entry.startedAt < before).slice(0, limit),
    // Made now: the instants of the double's samples lie far back.
    'systems.list': () =>
      (status.edges ?? [status]).flatMap((site) => systemSamples('id' in site ? site.id : site.nodeId)),
    'edges.show': ({ edge }) => {
      const view = status.edges?.find(({ id }) => id === edge) ?? siteSample(edge, status.name)
      return { view, document: documentSample(view.id, view.name), revision: 41 }
    },
    'edges.set': ({ edge, values, dryRun }) => {
      const before = documentSample(edge, edge)
      const fields = Object.entries(values).map(([path, after]) => ({
        path,
        ...(path in before ? { before: before[path] as never } : {}),
        ...(after === null ? {} : { after }),
      }))
      return { head: dryRun ? 41 : 42, differences: [{ op: 'update', kind: 'edge', id: edge, name: edge, fields }] }
    },
    'windows.preview': ({ windowLengthS, windowTimeZone }) => ({
      timeZone: windowTimeZone ?? 'Europe/Berlin',
      openings: siteSample('x', 'x').window.next.map((opensAt) => ({
        opensAt,
        closesAt: opensAt + windowLengthS * 1_000,
      })),
    }),
    'documents.export': () => ({ head: 41, documents: [] }),
    'secrets.list': () => [],
    'invites.list': inviteSamples,
    'invites.create': ({ edge, validForMs }) => ({
      code: `HF1-${Buffer.from(`${edge}: a code as long as a real one, which proves both sides to each other`).toString('base64url')}`,
      expiresAt: Date.now() + (validForMs ?? 3_600_000),
      tokenId: `t-${edge}`,
      edgeId: edge,
    }),
    'modules.status': ({ module }) => ({
      view: (status.edges?.[0]?.modules ?? status.modules).find(({ id }) => id === module) ?? status.modules[0]!,
      methods: module === 'evening' ? [] : methodSamples,
    }),
    'modules.execute': ({ args }) => ({ value: args }),
  }
  double.answer(answers)
  return {
    double,
    show,
    link: () => double.server.oneTimeLink().url,
    async [Symbol.asyncDispose]() {
      for (const timer of timers) clearTimeout(timer)
      await double[Symbol.asyncDispose]()
    },
  }
}
