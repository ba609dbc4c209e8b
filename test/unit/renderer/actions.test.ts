import { describe, expect, it } from 'vitest'
import { actionsOf, type Actions, type Viewer } from '../../../renderer/features/site/actions'
import type { Site } from '../../../shared/console/sites'
import { edgeSample } from '../../support/console-samples'

const viewer: Viewer = { isLive: true, mayOperate: true, mayOperateAt: () => true, mayAdminister: true }
const seen = (change: Partial<Site> = {}): Site => ({
  ...edgeSample(),
  ref: 'berlin',
  seenFrom: 'master',
  autonomyAt: null,
  documentsHead: 7,
  ...change,
})
const lost = { ...edgeSample().link, state: 'lost' as const }
const byMaster = { ...edgeSample().control, holder: 'master' as const }
const moving = {
  ...edgeSample().control,
  holder: 'none' as const,
  handOver: { decisionId: 'd', target: 'edge' as const, step: 's', since: 1 },
}

const cases: [string, Partial<Site>, Partial<Viewer>, Partial<Actions>][] = [
  [
    'an edge that drives can be failed over, not restored',
    {},
    {},
    { restore: 'edgeDrives', failover: null, pause: null, force: 'hidden' },
  ],
  [
    'a driving master can be restored from, not failed over to',
    { control: byMaster },
    {},
    { restore: null, failover: 'masterDrives' },
  ],
  [
    'control of a draining node stays with the master',
    { control: byMaster, draining: true },
    {},
    { restore: 'draining', failover: 'masterDrives' },
  ],
  [
    'failover false closes the manual way and pause as well',
    { failover: false },
    {},
    { failover: 'failoverOff', pause: 'failoverOff', force: 'hidden' },
  ],
  [
    'without a link both switches wait and force appears',
    { link: lost },
    {},
    { restore: 'edgeDrives', failover: 'otherSideGone', force: null },
  ],
  [
    'a driving master has nothing to force',
    { link: lost, control: byMaster },
    {},
    { restore: 'otherSideGone', force: 'hidden' },
  ],
  ['an edge may force what its master held', { link: lost, control: byMaster, seenFrom: 'edge' }, {}, { force: null }],
  ['force does not overrule failover false', { link: lost, failover: false }, {}, { force: 'failoverOff' }],
  ['force is for administrators', { link: lost }, { mayAdminister: false }, { force: 'needsAdmin' }],
  [
    'a running hand-over keeps both switches',
    { control: moving },
    {},
    { restore: 'handOverRuns', failover: 'handOverRuns', pause: null },
  ],
  [
    'a viewer may press nothing',
    {},
    { mayOperate: false, mayOperateAt: () => false, mayAdminister: false },
    { restore: 'needsOperator', failover: 'needsOperator', pause: 'needsOperator', resume: 'needsOperator' },
  ],
  [
    'who operates other sites may press nothing here',
    {},
    { mayOperateAt: (edgeId) => edgeId === 'porto', mayAdminister: false },
    { restore: 'notYours', failover: 'notYours', pause: 'notYours', resume: 'notYours' },
  ],
  [
    'without the controller nothing can be pressed',
    { link: lost },
    { isLive: false },
    {
      restore: 'controllerLost',
      failover: 'controllerLost',
      pause: 'controllerLost',
      resume: 'controllerLost',
      force: 'controllerLost',
    },
  ],
  [
    'a site that never joined cannot be taken over',
    { enrolled: false, link: lost },
    {},
    { failover: 'notEnrolled', force: 'hidden' },
  ],
]

describe('what may be pressed, and why not', () => {
  it.each(cases)('%s', (_title, site, who, expected) => {
    expect(actionsOf(seen(site), { ...viewer, ...who })).toMatchObject(expected)
  })
})
