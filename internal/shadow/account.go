package shadow

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// account is the system user that runs a server.
type account struct {
	uid, gid int
	name     string
	drop     bool // this process is root and changes to it
}

// accountFor is who runs the server of a data folder: its owner, the only one
// PostgreSQL accepts, or the default account while there is none.
func accountFor(data string) (account, error) {
	info, err := os.Stat(data)
	if errors.Is(err, fs.ErrNotExist) {
		return defaultAccount()
	}
	if err != nil {
		return account{}, fmt.Errorf("reading the data folder: %w", err)
	}
	uid, gid := ownerOf(info)
	self := os.Geteuid()
	switch {
	case uid == 0:
		return account{}, fmt.Errorf("the data folder %s belongs to root, and PostgreSQL refuses to run as root", data)
	case self != 0 && uid != self:
		return account{}, fmt.Errorf("the data folder %s belongs to user %s; only they and root can run its server", data, userName(uid))
	}
	return account{uid: uid, gid: gid, name: userName(uid), drop: self == 0}, nil
}

// adopt gives a file or folder to the account.
func (a account) adopt(path string) error {
	if !a.drop {
		return nil
	}
	return os.Lchown(path, a.uid, a.gid)
}

// passage is the mode of a folder that the account has to pass: nobody else's
// business, except that an account root drops to is somebody else.
func (a account) passage() fs.FileMode {
	if a.drop {
		return 0o711
	}
	return 0o700
}

// reaches returns an error that names the folder at which the account cannot
// pass on its way into path. Parts of path that don't exist yet are no
// obstacle. For the process's own user it is left to the system to say so.
func (a account) reaches(path string) error {
	if !a.drop {
		return nil
	}
	for dir := filepath.Clean(path); ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return fmt.Errorf("checking the way to %s: %w", path, err)
		case !a.passes(info):
			return fmt.Errorf("user %s, who has to run PostgreSQL as it refuses root, cannot enter %s (mode %04o)",
				a.name, dir, info.Mode().Perm())
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

// passes reports whether the mode bits let the account through a folder. It
// has one group alone, since root drops the others.
func (a account) passes(info fs.FileInfo) bool {
	uid, gid := ownerOf(info)
	mode := info.Mode().Perm()
	switch {
	case uid == a.uid:
		return mode&0o100 != 0
	case gid == a.gid:
		return mode&0o010 != 0
	}
	return mode&0o001 != 0
}

// makeFolders makes the folders on the way to path that don't exist, each with
// exactly this mode: a strict umask would keep the account out.
func makeFolders(path string, mode fs.FileMode) error {
	err := os.Mkdir(path, mode)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := makeFolders(filepath.Dir(path), mode); err != nil {
			return err
		}
		return makeFolders(path, mode)
	case errors.Is(err, fs.ErrExist):
		info, err := os.Stat(path)
		if err == nil && !info.IsDir() {
			err = fmt.Errorf("%s is not a folder", path)
		}
		return err
	case err != nil:
		return err
	}
	return os.Chmod(path, mode)
}

// makePrivate makes a folder within one that everybody may write to, such as
// /tmp, and refuses one that somebody else put there first.
func makePrivate(path string, mode fs.FileMode) error {
	err := os.Mkdir(path, mode)
	if err == nil {
		return os.Chmod(path, mode)
	}
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	uid, _ := ownerOf(info)
	if !info.IsDir() || uid != os.Geteuid() || info.Mode().Perm() != mode {
		return fmt.Errorf("%s is not a folder of mode %04o of this user's own", path, mode)
	}
	return nil
}
