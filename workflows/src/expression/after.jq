# Stand after jaq's library: what jq has and jaq lacks.
def @json: tojson;
def @base32: tostring | w_base32;
def @base32d: tostring | w_base32d;
def toarray: if isarray then . else [.] end;
def trimstr($part): ltrimstr($part) | rtrimstr($part);
def ascii: [.] | implode;
def index($part): indices($part) | .[0];
def rindex($part): indices($part) | .[-1:][0];
def inside($whole): . as $part | $whole | contains($part);
def in($whole): . as $key | $whole | has($key);
def IN(s): any(s == .; .);
def IN(s; t): any(s == t; .);
def INDEX(s; f): [s | {key: (f | tostring), value: .}] | from_entries;
def INDEX(f): INDEX(.[]; f);
def leaf_paths: paths(scalars);
def tostream: path(def rec: w_tick | (.[]? | rec), .; rec) as $path
  | getpath($path)
  | reduce path(.[]?) as $inner ([$path, .]; [$path + $inner]);
def fromstream(f): {x: null, e: false} as $init
  | foreach f as $i ($init;
      if .e then $init else . end
      | if $i | length == 2
        then setpath(["e"]; $i[0] | length == 0) | setpath(["x"] + $i[0]; $i[1])
        else setpath(["e"]; $i[0] | length == 1) end;
      if .e then .x else empty end);
def truncate_stream(stream): . as $n | stream | . as $input
  | if (.[0] | length) > $n then setpath([0]; .[0][$n:]) else empty end;
def date: todate;
def transpose: if . == [] then [] else . as $rows
  | [range(map(length) | max) as $column | [$rows[] | .[$column]]] end;
