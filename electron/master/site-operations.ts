import { JOIN_CODE_VALID_MS, STABLE_FOR_MS } from '../../shared/model/defaults'
import type { Decision } from '../../shared/model/control'
import { failureOf, HoldfastError } from '../../shared/model/failures'
import { after } from '../../shared/model/time'
import { openingsOf } from '../core/restore/edge-window'
import type { OperationHandlers } from '../console/operations'
import { edgesAsked } from './edge-list'
import type { EdgeSite } from './edge-site'
import type { MasterOperationsParts } from './master-operations'
import type { MasterRole } from './master-role'
import { edgeViewOf } from './master-view'
import { previewOf } from './preview'

const REASON_LENGTH_MAX = 500

type SiteHandlers = Pick<
  OperationHandlers,
  | 'edges.list'
  | 'edges.show'
  | 'edges.restore'
  | 'edges.failover'
  | 'edges.force'
  | 'edges.pause'
  | 'edges.resume'
  | 'edges.preview'
  | 'edges.revoke'
  | 'edges.rotate'
  | 'invites.create'
  | 'invites.list'
  | 'invites.revoke'
  | 'decisions.list'
  | 'windows.preview'
>

/** Edges: who drives them, who may link as them, and what was decided. */
export function siteOperations(parts: MasterOperationsParts): SiteHandlers {
  const { role, journal, records, desk, clock } = parts
  const view = (site: EdgeSite) => edgeViewOf(site, parts)
  const site = (reference: string | undefined): EdgeSite =>
    reference === undefined ? onlySite(role) : role.site(reference)
  return {
    'edges.list': (query) => edgesAsked(role.sites.values(), query, view),
    'edges.show': ({ edge }) => {
      const found = site(edge)
      const stored = journal.get('edge', found.edgeId)
      if (!stored) throw new HoldfastError('not-found', `There is no edge "${edge}".`)
      return { view: view(found), document: stored.body as never, revision: stored.revision }
    },
    'edges.restore': ({ edge, expectedEpoch }, { actor }) => site(edge).control.switchTo('edge', actor, expectedEpoch),
    'edges.failover': ({ edge, expectedEpoch }, { actor }) =>
      site(edge).control.switchTo('master', actor, expectedEpoch),
    'edges.force': ({ edge, confirm }, { actor }) => {
      const found = site(edge)
      const name = found.document?.name ?? found.edgeId
      if (confirm !== name) {
        throw new HoldfastError('invalid', `To force, type the name of the site: ${name}`, {
          hint: 'If the edge still runs, its devices may be driven twice.',
        })
      }
      return found.control.force(actor)
    },
    'edges.pause': ({ edge, reason, forMs }, { actor }) => {
      const until = forMs === null ? null : after(clock.wall(), forMs)
      role.editEdge(site(edge).edgeId, { pausedUntil: until ?? 0, pauseReason: reason }, actor)
      return { until }
    },
    'edges.resume': ({ edge }, { actor }) => {
      resumeEdge(parts, site(edge), actor)
      return {}
    },
    'edges.preview': ({ edge, assume }) => previewOf(site(edge), assume, clock),
    'edges.revoke': ({ edge, reason }, { actor }) => {
      revokeEdge(parts, site(edge), reason, actor)
      return {}
    },
    'edges.rotate': async ({ edge }) => {
      const found = site(edge)
      const session = found.control.session
      if (!session)
        throw new HoldfastError('link-lost', 'The edge cannot be reached: its secret is rotated over the link.')
      const rotation = await desk.rotate(found.edgeId)
      await session.request('secret.rotate', rotation)
      return { secretId: rotation.secretId }
    },
    'invites.create': async ({ edge, replace, validForMs }, { actor }) => {
      const found = site(edge)
      const by = { actor, validForMs: validForMs ?? JOIN_CODE_VALID_MS, replace }
      const invite = await desk.invite({ id: found.edgeId }, by)
      return { ...invite, edgeId: found.edgeId }
    },
    'invites.list': () =>
      desk
        .invites()
        .map((invite) => ({ ...invite, edgeName: role.sites.get(invite.edgeId)?.document?.name ?? invite.edgeId })),
    'invites.revoke': ({ tokenId }) => {
      if (!desk.revokeInvite(tokenId))
        throw new HoldfastError('not-found', `There is no open join code ${tokenId}.`, {
          hint: 'To shut out a machine that has joined, revoke its edge.',
        })
      return {}
    },
    'decisions.list': ({ edge, limit, before }) => {
      const options = { limit, ...(before === undefined ? {} : { before }) }
      const sites = edge === undefined ? [...role.sites.values()] : [site(edge)]
      const all = sites.flatMap(({ edgeId }): Decision[] => [...records.decisions(edgeId, options)])
      return all.sort((a, b) => b.startedAt - a.startedAt).slice(0, limit)
    },
    'windows.preview': ({ windowStart, windowLengthS, windowTimeZone, edge }) => {
      const of = edge === undefined ? null : site(edge)
      const timeZone = windowTimeZone ?? of?.timeZone() ?? parts.timeZone
      const stableForMs = of?.document?.stableForMs ?? STABLE_FOR_MS
      return { timeZone, openings: openingsOf({ windowStart, windowLengthS, timeZone, stableForMs }, clock.wall()) }
    },
  }
}

export function onlySite(role: MasterRole): EdgeSite {
  const [first, ...others] = role.sites.values()
  if (first && others.length === 0) return first
  throw new HoldfastError('invalid', first ? 'Which edge? There are several.' : 'There is no edge yet.', {
    hint: 'holdfast edge list shows the edges.',
  })
}

type Revocable = Pick<MasterOperationsParts, 'role' | 'desk'>

/** Ends a pause. Not of a revoked edge: it drives on where nobody can see it, so nothing may take it over by itself. */
export function resumeEdge({ role, desk }: Revocable, { edgeId }: EdgeSite, actor: string): void {
  if (desk.isRevoked(edgeId))
    throw new HoldfastError('conflict', 'This edge is revoked: its take-over stays paused.', {
      hint: 'Join its machine again with a new join code, then resume.',
    })
  role.editEdge(edgeId, { pausedUntil: undefined, pauseReason: undefined }, actor)
}

/** Shut out first: a document that cannot be written must not keep a lost machine in. */
function revokeEdge({ role, desk }: Revocable, site: EdgeSite, reason: string, actor: string): void {
  desk.revoke(site.edgeId)
  site.close('revoked', {
    code: 'revoked',
    message: 'This edge has been revoked',
    hint: 'It goes on driving its site.',
  })
  const pauseReason = (reason === '' ? 'revoked' : `revoked: ${reason}`).slice(0, REASON_LENGTH_MAX)
  try {
    role.editEdge(site.edgeId, { pausedUntil: 0, pauseReason }, actor)
  } catch (error) {
    // The revocation alone keeps the take-over timer from running; only the reason is missing.
    site.incident('not-persisted', failureOf(error).message)
    site.control.documentChanged()
  }
}
