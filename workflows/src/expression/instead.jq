# Stand in the places of jaq's definitions of the same name: loops that charge, and what jq does otherwise.
def repeat(f): def rec: w_tick | ., (f | rec); rec;
def recurse(f): def rec: w_tick | ., (f | rec); rec;
def while(cond; update): def rec: w_tick | if cond then ., (update | rec) else empty end; rec;
def until(cond; update): def rec: w_tick | if cond then . else update | rec end; rec;
def del(f): delpaths([path(f)]);
def nan: error("JSON has no word for what is not a number");
def infinite: error("JSON has no word for the infinite");
def isnan: false;
def isinfinite: false;
def isfinite: . > true and . < "";
def isnormal: . > true and . < "" and . != 0;
def add(f): [f] | add;
def pick(f): . as $top | reduce path(f) as $path (null; setpath($path; $top | getpath($path)));
def flatten($d): if $d < 0 then error("flatten depth must not be negative") else
  [.[] | if . >= [] and . < {} and $d > 0 then flatten($d - 1)[] else . end] end;
