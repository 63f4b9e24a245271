// The release with half-close. The older ones are built with -modfile, see build.sh.
module culvert/test

go 1.19

require github.com/xtaci/smux v1.5.57
