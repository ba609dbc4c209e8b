import { describe, expect, it } from 'vitest'
import { monoMs, wallMs } from '../../../shared/model/time'
import { newEdge } from '../../../electron/core/control/edge'
import { autonomyAt, edgePermit, isEdgeUp, type EdgeTenure } from '../../../electron/core/control/edge-state'
import { newMaster } from '../../../electron/core/control/master'
import { masterFactsOf } from '../../../electron/core/control/master-negotiation'
import {
  isMasterDriving,
  masterPermit,
  takeOverAt,
  type MasterTenure,
} from '../../../electron/core/control/master-state'
import { enrolledControl } from '../../../electron/core/control/stored'
import { settledDecision } from '../../../electron/core/control/turn'
import { masterContext } from '../../machine/control/master-fixtures'

const at = monoMs(10_000)
const stored = enrolledControl(wallMs(0))
const edge = newEdge(stored, at)
const master = newMaster(stored, at, true)
const release = { decisionId: 'd', requestId: 'r', actor: 'a', startedAt: wallMs(0) }
const handBack = { decisionId: 'd', actor: 'a', rule: 'restore' as const, startedAt: wallMs(0), openingAt: null }

const edgeTenures: Record<string, [EdgeTenure, boolean]> = {
  idle: [{ kind: 'idle' }, false],
  driving: [{ kind: 'driving', since: at }, true],
  stopping: [{ kind: 'stopping', thenDrive: null }, false],
  'stopping to drive': [{ kind: 'stopping', thenDrive: 'resume' }, false],
  releasing: [{ kind: 'releasing', release, until: at }, false],
  granted: [{ kind: 'granted', release, epoch: 2, phase: 'offered', until: at }, false],
}
const lease = monoMs(12_000)
const masterTenures: Record<string, [MasterTenure, boolean]> = {
  idle: [{ kind: 'idle' }, false],
  driving: [{ kind: 'driving', since: at, lease }, true],
  stopping: [{ kind: 'stopping', thenDrive: true }, false],
  'handing back, syncing': [{ kind: 'handingBack', handBack, phase: 'syncing', since: at, until: at, lease }, true],
  'handing back, stopping': [{ kind: 'handingBack', handBack, phase: 'stopping', until: at }, false],
  'handing back, offered': [{ kind: 'handingBack', handBack, phase: 'offered', epoch: 3, until: at }, false],
}

describe('a permit', () => {
  for (const [name, [tenure, drives]] of Object.entries(edgeTenures)) {
    it(`is ${drives ? 'given' : 'refused'} by an edge that is ${name}`, () => {
      const devices = { started: true, connected: 1, total: 1 }
      expect(edgePermit({ ...edge, tenure })).toEqual(drives ? { epoch: 1 } : null)
      expect(isEdgeUp({ ...edge, tenure, devices })).toBe(drives)
    })
  }

  for (const [name, [tenure, drives]] of Object.entries(masterTenures)) {
    it(`is ${drives ? 'given until the lease passes' : 'refused'} by a master that is ${name}`, () => {
      const state = { ...master, tenure }
      expect(isMasterDriving(state)).toBe(drives)
      expect(masterPermit(state, at)).toEqual(drives ? { epoch: 1, until: lease } : null)
      expect(masterPermit(state, lease)).toBeNull()
    })
    it(`${drives ? 'begins' : 'is no part of'} what counts as driven by a master that is ${name}, until its lease passes`, () => {
      const state = { ...master, tenure }
      expect(masterFactsOf(state, { ...masterContext(11_000), window: () => null }).drivingForMs).toBe(
        drives ? 1_000 : null,
      )
      expect(masterFactsOf(state, { ...masterContext(lease), window: () => null }).drivingForMs).toBeNull()
    })
  }

  it('of a master without a link the edge knows of has no end of its own', () => {
    const state = { ...master, tenure: { kind: 'driving' as const, since: at, lease: null } }
    expect(masterPermit(state, monoMs(1_000_000))).toEqual({ epoch: 1, until: null })
  })
})

describe('an edge', () => {
  it('is up only with started modules and, if it has devices, one of them connected', () => {
    const driving = { ...edge, tenure: { kind: 'driving' as const, since: at } }
    expect(isEdgeUp({ ...driving, devices: { started: false, connected: 1, total: 1 } })).toBe(false)
    expect(isEdgeUp({ ...driving, devices: { started: true, connected: 0, total: 3 } })).toBe(false)
    expect(isEdgeUp({ ...driving, devices: { started: true, connected: 1, total: 3 } })).toBe(true)
    expect(isEdgeUp({ ...driving, devices: { started: true, connected: 0, total: 0 } })).toBe(true)
  })

  it('says when it will drive by itself, unless it does or is linked', () => {
    expect(autonomyAt(edge)).toBe(19_000)
    expect(autonomyAt({ ...edge, tenure: { kind: 'driving', since: at } })).toBeNull()
  })
})

describe('a master', () => {
  it('says when it takes over while the timer runs', () => {
    expect(takeOverAt(master, 20_000)).toBeNull()
    expect(takeOverAt({ ...master, takeOverFrom: at }, 20_000)).toBe(30_000)
  })
})

describe('a decision whose answer never came', () => {
  it('keeps who asked and when, and is finished with what the next link told', () => {
    const open = {
      id: 'd',
      edgeId: 'e',
      rule: 'fail-over' as const,
      winner: 'none' as const,
      epoch: 2,
      actor: 'console:ana',
      facts: null,
      outcome: 'open' as const,
      detail: null,
      startedAt: 5,
      finishedAt: null,
      contested: null,
    }
    const settled = settledDecision(open, { decisionId: 'd', outcome: 'done', winner: 'master', at: wallMs(9) })
    expect(settled).toMatchObject({
      actor: 'console:ana',
      startedAt: 5,
      finishedAt: 9,
      outcome: 'done',
      winner: 'master',
    })
  })
})
