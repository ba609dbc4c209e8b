import { journalIn } from '../../support/journal'
import { journalContract } from './journal-contract'

journalContract('SQLite', (folder, limits) => journalIn(folder, limits ? { limits } : {}))
