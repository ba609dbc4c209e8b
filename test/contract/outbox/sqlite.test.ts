import { outboxIn } from '../../support/outbox'
import { outboxContract } from './outbox-contract'

outboxContract('SQLite', (folder) => outboxIn(folder))
