// express-pouchdb over a store in memory: a CouchDB-compatible server for the tests.
//
//     node server.js PORT FOLDER      listens on 127.0.0.1; the server's own log goes to FOLDER
//
// What a client sees here that CouchDB and Couchbase do differently: a view comes as one body with Content-Length, not
// chunked; rows are `{"key":…,"id":…,"value":…}` in that order, on one line; Content-Type is text/plain unless the
// request accepts application/json; `startkey_docid` is ignored, so a client that resumes must itself skip the rows of
// the start key that it has already seen.
'use strict';
const http = require('http');
const path = require('path');

const PouchDB = require('pouchdb-core');
PouchDB.plugin(require('pouchdb-adapter-memory')).plugin(require('pouchdb-mapreduce'));

const [port, folder] = process.argv.slice(2);
const app = require('express-pouchdb')(PouchDB.defaults({ adapter: 'memory' }), {
  mode: 'minimumForPouchDB',
  inMemoryConfig: true,
  logPath: path.join(folder, 'requests.log'),
});
http.createServer(app).listen(Number(port), '127.0.0.1');
