import { describe, expect, it } from 'vitest'
import { documentChange, documentSchemas, moduleDocument } from '../../../shared/model/documents'
import { demoDocuments } from '../../../electron/modules/demo/demo-site'
import { drivers } from '../../../electron/modules/drivers/registry'
import { checkModule } from '../../../electron/modules/module-check'

const changes = demoDocuments({ projector: 4352, plc: 502, sensor: 80, switcher: 5000 }).map((change) =>
  documentChange.parse(change),
)
const puts = changes.filter((change) => change.op === 'put')

describe('the demo site', () => {
  it('is made of documents that nothing is wrong with', () => {
    for (const { kind, body } of puts) expect(documentSchemas[kind].safeParse(body).error).toBeUndefined()
    const modules = puts.filter(({ kind }) => kind === 'module').map(({ body }) => moduleDocument.parse(body))
    expect(modules.flatMap((module) => checkModule(module, drivers))).toEqual([])
    expect(new Set(modules.map(({ driver }) => driver))).toEqual(new Set(drivers.map(({ name }) => name)))
  })

  it('names only modules that it has', () => {
    const ids = new Set(puts.filter(({ kind }) => kind === 'module').map(({ body }) => body.id))
    const [room] = puts.filter(({ kind }) => kind === 'system').map(({ body }) => documentSchemas.system.parse(body))
    expect(new Set(room?.modules)).toEqual(ids)
    const named = JSON.stringify(puts.find(({ body }) => body.driver === 'logic')).matchAll(/"module":"([^"]+)"/g)
    for (const [, id] of named) expect(ids).toContain(id)
  })

  it('puts modules before the system that lists them, so that no half of it is ever looked at', () => {
    expect(puts.map(({ kind }) => kind)).toEqual(['edge', ...Array.from({ length: 7 }, () => 'module'), 'system'])
  })
})
