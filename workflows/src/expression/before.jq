# Stand before jaq's own library, which calls them: a fee before every regular expression, and
# checks before natives that calculate without looking at overflow.
def matches($re; $flags): w_fee($re; $flags) | w_matches($re; $flags);
def split_matches($re; $flags): w_fee($re; $flags) | w_split_matches($re; $flags);
def split_($re; $flags): w_fee($re; $flags) | w_split($re; $flags);
def gmtime: w_instant | w_gmtime;
def mktime: w_instant | w_mktime;
def strftime($format): w_instant | w_strftime($format);
def todateiso8601: w_instant | w_todate;
def implode: w_codes | w_implode;
